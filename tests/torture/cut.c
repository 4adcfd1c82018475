/* Runs a program and cuts it off before its N-th system call that changes a file system.
 *
 * usage: cut N LOG MOUNT PROGRAM [ARG...]
 *
 * N      1 is the first call; 0 never cuts. Calls of all threads and children count together, in the order in which the
 *        kernel sees them.
 * LOG    gets a line for each call that counts: number, name, file. The last line is the call that was not carried out.
 * MOUNT  `-`: the program is killed (SIGKILL). A folder: the ext4 file system mounted there is shut down first, without
 *        flushing anything, as when the power goes. `errno:E`: that call fails with this error number and the program
 *        goes on; `errno:E+`: so do all that come after.
 *
 * Exit code: that of the program; 128 + signal when a signal ended it; 250 when it was cut off; 251 when cut itself failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, unsigned)
#define EXT4_NOLOGFLUSH 2u

/* How a call is recognized as one that changes something. */
enum kind { ALWAYS, FD, OPEN_FLAGS };
struct call {
    long number;
    const char *name;
    enum kind kind;
    int arg; /* FD, OPEN_FLAGS: which argument */
};

static const struct call CALLS[] = {
#ifdef SYS_open
    {SYS_open, "open", OPEN_FLAGS, 1},
#endif
#ifdef SYS_creat
    {SYS_creat, "creat", ALWAYS, 0},
#endif
    {SYS_openat, "openat", OPEN_FLAGS, 2},
    {SYS_write, "write", FD, 0},
    {SYS_writev, "writev", FD, 0},
    {SYS_pwrite64, "pwrite64", FD, 0},
    {SYS_pwritev, "pwritev", FD, 0},
    {SYS_pwritev2, "pwritev2", FD, 0},
    {SYS_ftruncate, "ftruncate", FD, 0},
    {SYS_truncate, "truncate", ALWAYS, 0},
    {SYS_fallocate, "fallocate", FD, 0},
    {SYS_fsync, "fsync", FD, 0},
    {SYS_fdatasync, "fdatasync", FD, 0},
    {SYS_sync_file_range, "sync_file_range", FD, 0},
    {SYS_sendfile, "sendfile", FD, 0},
    {SYS_copy_file_range, "copy_file_range", FD, 2},
#ifdef SYS_rename
    {SYS_rename, "rename", ALWAYS, 0},
#endif
#ifdef SYS_renameat
    {SYS_renameat, "renameat", ALWAYS, 0},
#endif
    {SYS_renameat2, "renameat2", ALWAYS, 0},
#ifdef SYS_unlink
    {SYS_unlink, "unlink", ALWAYS, 0},
    {SYS_rmdir, "rmdir", ALWAYS, 0},
    {SYS_mkdir, "mkdir", ALWAYS, 0},
    {SYS_link, "link", ALWAYS, 0},
    {SYS_symlink, "symlink", ALWAYS, 0},
    {SYS_chmod, "chmod", ALWAYS, 0},
    {SYS_mknod, "mknod", ALWAYS, 0},
#endif
    {SYS_unlinkat, "unlinkat", ALWAYS, 0},
    {SYS_mkdirat, "mkdirat", ALWAYS, 0},
    {SYS_mknodat, "mknodat", ALWAYS, 0},
    {SYS_linkat, "linkat", ALWAYS, 0},
    {SYS_symlinkat, "symlinkat", ALWAYS, 0},
    {SYS_fchmod, "fchmod", FD, 0},
    {SYS_fchmodat, "fchmodat", ALWAYS, 0},
    {SYS_fchown, "fchown", FD, 0},
    {SYS_fchownat, "fchownat", ALWAYS, 0},
    {SYS_utimensat, "utimensat", ALWAYS, 0},
    {SYS_fsetxattr, "fsetxattr", FD, 0},
};

static void fail(const char *what) {
    fprintf(stderr, "cut: %s: %s\n", what, strerror(errno));
    _exit(251);
}

/* The path behind a descriptor of the tracee; 0 unless it is a file or a folder. */
static int path_of(pid_t pid, unsigned long long fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, (int)fd);
    ssize_t n = readlink(link, path, size - 1);
    if (n < 0) return 0;
    path[n] = 0;
    int device = !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9);
    return path[0] == '/' && !device && strncmp(path, "/proc/", 6) && strncmp(path, "/memfd", 6);
}

static const struct call *changes(pid_t pid, const struct __ptrace_syscall_info *info, char *path, size_t size) {
    path[0] = 0;
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        const struct call *call = &CALLS[i];
        if (call->number != (long)info->entry.nr) continue;
        switch (call->kind) {
        case ALWAYS: return call;
        case FD:
            /* what is said to the one who started it is not counted, even where that goes into a file */
            if (info->entry.args[call->arg] <= 2) return NULL;
            return path_of(pid, info->entry.args[call->arg], path, size) ? call : NULL;
        case OPEN_FLAGS: return (info->entry.args[call->arg] & (O_CREAT | O_TRUNC)) ? call : NULL;
        }
    }
    return NULL;
}

/* Makes the kernel skip the call that the tracee is about to make. */
static void skip_call(pid_t pid) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0) fail("registers");
    regs.orig_rax = -1;
    if (ptrace(PTRACE_SETREGS, pid, 0, &regs) < 0) fail("registers");
#elif defined(__aarch64__)
    int number = -1;
    struct iovec part = {&number, sizeof number};
    if (ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &part) < 0) fail("registers");
#else
    (void)pid;
    errno = ENOSYS;
    fail("making a call fail");
#endif
}

/* What the skipped call returns. */
static void set_result(pid_t pid, long result) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0) fail("registers");
    regs.rax = result;
    if (ptrace(PTRACE_SETREGS, pid, 0, &regs) < 0) fail("registers");
#elif defined(__aarch64__)
    struct user_regs_struct regs;
    struct iovec part = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, 1 /* NT_PRSTATUS */, &part) < 0) fail("registers");
    regs.regs[0] = result;
    if (ptrace(PTRACE_SETREGSET, pid, 1, &part) < 0) fail("registers");
#else
    (void)pid;
    (void)result;
#endif
}

/* Threads that are in a skipped call. */
static pid_t skipping[256];

static int *slot_of(pid_t pid) {
    for (size_t i = 0; i < sizeof skipping / sizeof *skipping; i++)
        if (skipping[i] == pid) return &skipping[i];
    errno = EOVERFLOW;
    fail("too many threads");
    return NULL;
}

static int is_skipping(pid_t pid) {
    for (size_t i = 0; i < sizeof skipping / sizeof *skipping; i++)
        if (skipping[i] == pid) return 1;
    return 0;
}

static void shut_down(const char *mount) {
    int fd = open(mount, O_RDONLY | O_DIRECTORY);
    unsigned flags = EXT4_NOLOGFLUSH;
    if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &flags) < 0) fail("shutting the file system down");
    close(fd);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: cut N LOG MOUNT PROGRAM [ARG...]\n");
        return 251;
    }
    long at = atol(argv[1]);
    FILE *log = fopen(argv[2], "we");
    const char *mount = strcmp(argv[3], "-") ? argv[3] : NULL;
    long error = 0;
    int and_after = 0;
    if (mount && !strncmp(mount, "errno:", 6)) {
        error = atol(mount + 6);
        and_after = mount[strlen(mount) - 1] == '+';
        mount = NULL;
    }
    int go[2];
    if (!log || pipe2(go, O_CLOEXEC) < 0) fail("log");

    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        char byte;
        close(go[1]);
        if (read(go[0], &byte, 1) != 1) _exit(251);
        execv(argv[4], argv + 4);
        _exit(127);
    }
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, child, 0, options) < 0) fail("seize");
    if (ptrace(PTRACE_INTERRUPT, child, 0, 0) < 0) fail("interrupt");
    if (write(go[1], "g", 1) != 1) fail("start");

    long count = 0;
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) {
            if (errno == EINTR) continue;
            fail("wait");
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid != child) continue;
            fclose(log);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (!WIFSTOPPED(status)) continue;
        int signal = WSTOPSIG(status);
        int event = status >> 16;
        if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            char path[4096];
            memset(&info, 0, sizeof info);
            if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) info.op = 0;
            if (info.op == PTRACE_SYSCALL_INFO_EXIT && is_skipping(pid)) {
                set_result(pid, -error);
                *slot_of(pid) = 0;
            }
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
                const struct call *call = changes(pid, &info, path, sizeof path);
                if (call) {
                    fprintf(log, "%ld %s %s\n", ++count, call->name, path);
                    if (error && (count == at || (and_after && count > at))) {
                        skip_call(pid);
                        *slot_of(0) = pid;
                    }
                    if (!error && count == at) {
                        if (mount) shut_down(mount);
                        fclose(log);
                        kill(child, SIGKILL);
                        do pid = waitpid(-1, &status, __WALL);
                        while ((pid != child || WIFSTOPPED(status)) && (pid > 0 || errno == EINTR));
                        /* children of the program die with this one (PTRACE_O_EXITKILL) */
                        return 250;
                    }
                }
            }
            signal = 0;
        } else if (event == PTRACE_EVENT_STOP) {
            if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
                ptrace(PTRACE_LISTEN, pid, 0, 0);
                continue;
            }
            signal = 0;
        } else if (event) {
            signal = 0;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, signal);
    }
}
