//! Every other kind of check: it fails when its subject is broken, and recovers with it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use workbridge::clock::FixedClock;
use workbridge::monitor::checks::State;

use super::{Bench, finding};
use crate::support::webhook::HttpServer;
use crate::support::{PATIENCE, Scene, free_port, wait_for};

const DATABASE: &str = "[[monitor.check]]\nname = \"database\"\nkind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n\
                        timeout_ms = 20000\nwait_ms = 15000\n";

/// A database of some hundred pages.
fn fill(scene: &Scene) -> Connection {
    std::fs::create_dir_all(scene.path("knowledge")).expect("knowledge/");
    let connection = Connection::open(scene.path("knowledge/02luka.db")).expect("a database");
    let sql = "PRAGMA journal_mode = DELETE; CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT);
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
               INSERT INTO notes (text) SELECT 'note ' || i || hex(randomblob(100)) FROM n;";
    connection.execute_batch(sql).expect("rows");
    connection
}

#[test]
fn a_database_that_is_missing_empty_foreign_corrupt_and_fine() {
    let scene = Scene::new();
    let bench = Bench::new(&scene.root(), DATABASE);
    let path = scene.path("knowledge/02luka.db");
    let found = bench.look("database");
    assert_eq!((found.state, found.headline.as_deref()), (State::Error, Some("Database file not found")));
    scene.write("knowledge/02luka.db", "");
    bench.expect("database", State::Error, "is empty (0 bytes)");
    scene.write("knowledge/02luka.db", "not at all a database\n".repeat(100));
    bench.expect("database", State::Error, "is not a database: it does not begin with");
    scene.write("knowledge/02luka.db", "SQLite format 3\0 and no more");
    bench.expect("database", State::Error, "within the header");
    std::fs::remove_file(&path).expect("away with it");
    drop(fill(&scene));
    let found = bench.look("database");
    assert_eq!((found.state, found.headline.as_deref()), (State::Ok, Some("Database file exists")), "{found:?}");
    assert!(found.message.starts_with("quick_check ok in "), "{found:?}");
    let good = std::fs::read(&path).expect("the database");
    // a page in the middle, beyond the schema
    let mut corrupt = good.clone();
    let middle = corrupt.len() / 2 / 4096 * 4096;
    corrupt[middle..middle + 4096].fill(0xAB);
    std::fs::write(&path, corrupt).expect("a corrupt database");
    bench.expect("database", State::Error, "is corrupt: ");
    std::fs::write(&path, &good[..good.len() / 2]).expect("half a database");
    bench.expect("database", State::Error, "corrupt");
    std::fs::write(&path, good).expect("the good database");
    bench.expect("database", State::Ok, "quick_check ok");
    std::fs::remove_file(&path).expect("away with it");
    std::os::unix::fs::symlink("moved/elsewhere.db", &path).expect("a link");
    bench.expect("database", State::Error, "is a link to `moved/elsewhere.db`, which is missing");
    std::fs::remove_file(&path).expect("away with it");
    std::fs::create_dir(&path).expect("a folder");
    bench.expect("database", State::Error, "is not a file");
}

#[test]
fn a_locked_database_is_a_warning() {
    let scene = Scene::new();
    let bench = Bench::new(&scene.root(), DATABASE);
    let writer = fill(&scene);
    bench.expect("database", State::Ok, "quick_check ok");
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO notes (text) VALUES ('pending')").expect("a writer");
    bench.expect("database", State::Ok, "quick_check ok");
    writer.execute_batch("COMMIT; BEGIN EXCLUSIVE").expect("an exclusive writer");
    bench.expect("database", State::Warn, "is locked by a writer");
    writer.execute_batch("COMMIT").expect("the end of it");
    bench.expect("database", State::Ok, "quick_check ok");
    writer.execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; DELETE FROM notes").expect("a writer with a log");
    bench.expect("database", State::Ok, "quick_check ok");
}

/// As in a copy that is mounted read-only: no place for the index of the log.
#[test]
fn a_log_whose_index_cant_be_made_is_a_warning() {
    let scene = Scene::new();
    let bench = Bench::new(&scene.root(), DATABASE);
    let writer = fill(&scene);
    writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).expect("a log");
    writer.execute_batch("DELETE FROM notes").expect("something in the log");
    let path = |suffix: &str| scene.path(format!("knowledge/02luka.db{suffix}"));
    let [database, log] = ["", "-wal"].map(|suffix| std::fs::read(path(suffix)).expect("the file"));
    drop(writer);
    std::fs::write(path(""), database).expect("the copy");
    std::fs::write(path("-wal"), log).expect("its log");
    // nothing can be made there, for root neither
    std::os::unix::fs::symlink("nowhere/index", path("-shm")).expect("a link");
    bench.expect("database", State::Warn, "`knowledge/02luka.db-shm`, which can't be made there");
    std::fs::remove_file(path("-shm")).expect("away with it");
    bench.expect("database", State::Ok, "quick_check ok");
}

#[test]
fn a_check_of_the_database_changes_none_of_its_bytes() {
    let scene = Scene::new();
    let bench = Bench::new(&scene.root(), DATABASE);
    let writer = fill(&scene);
    for mode in ["DELETE", "WAL"] {
        let sql = format!("PRAGMA journal_mode = {mode}");
        writer.query_row(&sql, [], |row| row.get::<_, String>(0)).expect("the mode");
        let before = scene.tree("knowledge");
        bench.expect("database", State::Ok, "quick_check ok");
        assert_eq!(scene.tree("knowledge"), before, "{mode}, open elsewhere");
    }
    drop(writer);
    let before = scene.tree("knowledge");
    assert_eq!(before.len(), 1, "{before:?}");
    bench.expect("database", State::Ok, "quick_check ok");
    assert_eq!(scene.tree("knowledge"), before, "at rest");
}

#[test]
fn a_transaction_that_its_writer_did_not_finish_is_a_warning() {
    let scene = Scene::new();
    let bench = Bench::new(&scene.root(), DATABASE);
    let writer = fill(&scene);
    let (database, journal) = (scene.path("knowledge/02luka.db"), scene.path("knowledge/02luka.db-journal"));
    // as a crash leaves it: pages already changed, and the journal to take that back
    let sql = "PRAGMA cache_size = 2; PRAGMA synchronous = FULL; BEGIN; UPDATE notes SET text = text || 'x';";
    writer.execute_batch(sql).expect("a large transaction");
    let (pages, mut log) =
        (std::fs::read(&database).expect("the pages"), std::fs::read(&journal).expect("the journal"));
    drop(writer);
    // its header is written with the first sync, which comes when the cache of all connections of this process is full
    log[..12].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0xff, 0xff, 0xff, 0xff]);
    std::fs::write(&database, pages).expect("the pages");
    std::fs::write(&journal, log).expect("the journal");
    bench.expect("database", State::Warn, "holds a transaction that its writer did not finish");
    let next = Connection::open(&database).expect("the next writer");
    next.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0)).expect("taken back");
    bench.expect("database", State::Ok, "quick_check ok");
}

#[test]
fn a_database_of_a_gigabyte_does_not_hold_the_cycle_up() {
    let scene = Scene::new();
    let path = scene.path("knowledge/02luka.db");
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("knowledge/");
    let connection = Connection::open(&path).expect("a database");
    let sql = "PRAGMA page_size = 65536; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
               CREATE TABLE blobs (data BLOB);
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4)
               INSERT INTO blobs SELECT zeroblob(268435456) FROM n;";
    connection.execute_batch(sql).expect("a gigabyte");
    drop(connection);
    assert!(path.metadata().expect("its size").len() > 1_000_000_000);
    let bench = Bench::new(&scene.root(), &DATABASE.replace("wait_ms = 15000", "wait_ms = 1"));
    let found = bench.look("database");
    assert_eq!(found.state, State::Warn, "{found:?}");
    assert!(found.message.contains("quick_check unfinished after 1 ms"), "{found:?}");
    wait_for("quick_check beside the loop", || bench.look("database").state == State::Ok);
    let found = bench.look("database");
    assert!(found.message.contains("quick_check ok") && found.message.contains(" ago (it took "), "{found:?}");
}

/// What a cycle can't wait for is found out all the same, by one that runs alone and by a look that has the time.
#[test]
fn a_large_database_is_checked_to_its_end_without_a_loop() {
    let scene = Scene::new().config(&DATABASE.replace("wait_ms = 15000", "wait_ms = 0"));
    drop(fill(&scene));
    let looked = scene.wo(["verify", "monitor", "--dry-run", "--json"]).json();
    let of_database = |json: &serde_json::Value| {
        let checks = json["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["id"] == "database").expect("the database")["result"].clone()
    };
    assert_eq!(of_database(&looked), "pass", "{looked:#}");
    scene.wo(["monitor", "--once"]).expect_exit(0).expect_stdout("quick_check unfinished after 0 ns");
    scene.wo(["monitor", "--once"]).expect_exit(0).expect_stdout("quick_check ok");
    // damaged in place: what the loop found out a moment ago is no answer
    let path = scene.path("knowledge/02luka.db");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the database");
    for page in 20..40 {
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 4096], page * 4096).expect("overwritten");
    }
    let looked = scene.wo(["verify", "monitor", "--dry-run", "--json"]).json();
    assert_eq!(of_database(&looked), "fail", "{looked:#}");
}

#[test]
fn an_http_endpoint_that_answers_fails_moves_and_hangs() {
    let scene = Scene::new();
    let server = HttpServer::start();
    let toml = format!(
        "[[monitor.check]]\nname = \"api\"\nkind = \"http\"\nurl = \"{url}/healthz\"\nseverity = \"warn\"\n\
         [[monitor.check]]\nname = \"strict\"\nkind = \"http\"\nurl = \"{url}/healthz\"\nexpect_status = 204\n\
         [[monitor.check]]\nname = \"words\"\nkind = \"http\"\nurl = \"{url}/\"\ncontains = \"พร้อม\"\n",
        url = server.url()
    );
    let bench = Bench::new(&scene.root(), &toml);
    bench.expect("api", State::Ok, "200 in ");
    bench.expect("strict", State::Error, "answered 200");
    bench.expect("words", State::Error, "answered 200 without `พร้อม`");
    server.set_body("{\"state\":\"พร้อม\"}");
    bench.expect("words", State::Ok, "200");
    server.set_status(503);
    let found = bench.look("api");
    assert_eq!((found.state, found.headline.as_deref()), (State::Warn, Some("Endpoint not responding")));
    assert!(found.message.contains("answered 503"), "{found:?}");
    let elsewhere = HttpServer::start();
    server.redirect_to(&elsewhere.url());
    bench.expect("words", State::Error, "answered 302 to http://127.0.0.1:");
    assert_eq!(elsewhere.received().len(), 0, "a redirect must not be followed");
    server.set_status(204);
    bench.expect("strict", State::Ok, "204");
    // a key may stand in the query: no message shows it, whichever way the check fails
    let with_key = |more: &str| {
        let url = format!("{}/healthz?token=s3cret-key#s3cret-key", server.url());
        let toml = format!("[[monitor.check]]\nname = \"key\"\nkind = \"http\"\nurl = \"{url}\"\n{more}");
        let found = Bench::new(&scene.root(), &toml).look("key");
        assert_eq!(found.state, State::Error, "{found:?}");
        assert!(!format!("{found:?}").contains("s3cret-key"), "{found:?}");
    };
    with_key("expect_status = 299\n");
    server.set_status(200);
    with_key("contains = \"not there\"\n");
    server.redirect_to(&format!("{}/?token=s3cret-key", elsewhere.url()));
    with_key("");
    drop(server);
    bench.expect("strict", State::Error, "refused: nothing listens there");
    // accepts and says nothing
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let toml = format!(
        "[[monitor.check]]\nname = \"api\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{port}/\"\ntimeout_ms = 150\n"
    );
    Bench::new(&scene.root(), &toml).expect("api", State::Error, "time-out: no answer within 150 ms");
}

#[test]
fn a_service_that_is_loaded_failed_gone_and_unknowable() {
    let scene = Scene::new();
    let toml = "[[monitor.check]]\nname = \"digest\"\nkind = \"service\"\nlabel = \"com.02luka.digest\"\n";
    let bench = Bench::new(&scene.root(), toml);
    let services = bench.services.clone();
    bench.expect("digest", State::Unknown, "unmeasured: no service manager answers");
    let cases = [
        (true, None, Some(0), State::Ok, "loaded"),
        (true, Some(42), Some(-15), State::Ok, "loaded"),
        (true, None, Some(78), State::Warn, "its last run ended with 78; `wo services explain 78`"),
        (true, None, None, State::Ok, "loaded"),
        (false, None, None, State::Error, "com.02luka.digest is not loaded"),
    ];
    for (loaded, pid, exit, state, words) in cases {
        services.set("com.02luka.digest", loaded, pid, exit);
        bench.expect("digest", state, words);
    }
    assert_eq!(bench.look("digest").headline.as_deref(), Some("LaunchAgent not loaded"));
    assert_eq!(bench.cycle().observed[0].report_name, "com.02luka.digest");
}

/// The cure that a missing service is told with is one that works.
#[test]
fn a_service_is_only_offered_for_installation_where_there_is_something_to_install() {
    let scene = Scene::new();
    let check = |label: &str| format!("[[monitor.check]]\nname = \"it\"\nkind = \"service\"\nlabel = \"{label}\"\n");
    let plist = |label: &str| {
        format!(
            "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>Label</key><string>{label}</string>\
             <key>ProgramArguments</key><array><string>/bin/true</string></array><key>KeepAlive</key><true/>\
             <key>StandardOutPath</key><string>/tmp/o</string><key>StandardErrorPath</key><string>/tmp/e</string>\
             <key>WorkingDirectory</key><string>/</string></dict></plist>"
        )
    };
    let install = |label: &str| format!("`wo services install {label}` loads it");
    // label, what lies in launchd/, the cure
    let cases = [
        ("com.a.none", None, "there is no `launchd/com.a.none.plist`: put it there, or leave".to_owned()),
        ("com.a.there", Some(plist("com.a.there")), install("com.a.there")),
        ("com.a.torn", Some("<plist>a && b".to_owned()), "failed to find the service com.a.torn: ".to_owned()),
        // Workbridge's own needs no plist
        ("com.02luka.workbridge", None, install("com.02luka.workbridge")),
    ];
    for (label, content, cure) in cases {
        if let Some(content) = content {
            scene.write(format!("launchd/{label}.plist"), content);
        }
        let bench = Bench::new(&scene.root(), &check(label));
        bench.services.set(label, false, None, None);
        bench.expect("it", State::Error, &format!("{label} is not loaded; {cure}"));
        let installs = scene.wo(["services", "install", label, "--dry-run"]).status.success();
        assert_eq!(installs, cure.starts_with("`wo services install"), "{label}");
    }
}

#[test]
fn a_check_that_hangs_is_given_up_and_not_started_twice() {
    let scene = Scene::new().file("there.txt", "x");
    let toml = "[[monitor.check]]\nname = \"hangs\"\nkind = \"service\"\nlabel = \"x\"\ntimeout_ms = 100\n\
                [[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n";
    let bench = Bench::new(&scene.root(), toml);
    let services = bench.services.clone();
    services.set("x", true, None, None);
    services.hang(true);
    let cycle = bench.cycle();
    assert_eq!(finding(&cycle, "file").state, State::Ok);
    let found = finding(&cycle, "hangs");
    assert!(found.state == State::Error && found.message == "time-out: no answer within 100 ms", "{found:?}");
    bench.expect("hangs", State::Error, "still hangs in an earlier cycle");
    services.hang(false);
    wait_for("it answers again", || bench.look("hangs").state == State::Ok);
}

#[test]
fn a_file_that_is_missing_old_small_and_large() {
    let scene = Scene::new();
    let toml = "[[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"g/ข้อมูล.bin\"\nmax_age_s = 3600\n\
                min_bytes = 10\nmax_bytes = 20\n";
    let clock = Arc::new(FixedClock::at(Timestamp::now()));
    let bench = Bench::with_clock(&scene.root(), toml, clock.clone());
    bench.expect("file", State::Error, "`g/ข้อมูล.bin` not found");
    scene.write("g/ข้อมูล.bin", "short");
    bench.expect("file", State::Error, "has 5 B, less than 10 B");
    scene.write("g/ข้อมูล.bin", "x".repeat(30));
    bench.expect("file", State::Error, "has 30 B, more than 20 B");
    scene.write("g/ข้อมูล.bin", "x".repeat(15));
    bench.expect("file", State::Ok, "15 B, changed ");
    clock.set(Timestamp::now() + Duration::from_secs(7_300));
    bench.expect("file", State::Error, "more than 1 h");
    clock.set(Timestamp::now() - Duration::from_secs(7_300));
    bench.expect("file", State::Warn, "ahead of the clock, so its age can't be told");
    clock.set(Timestamp::now());
    bench.expect("file", State::Ok, "15 B");
}

#[test]
fn a_disk_is_measured_and_a_missing_one_named() {
    let scene = Scene::new();
    let disk = |rest: &str| {
        Bench::new(&scene.root(), &format!("[[monitor.check]]\nname = \"disk\"\nkind = \"disk\"\n{rest}\n"))
    };
    disk("warn_percent = 0\nerror_percent = 0").expect("disk", State::Ok, " free (");
    disk("warn_percent = 100\nerror_percent = 0").expect("disk", State::Warn, "less than 100%");
    disk("error_percent = 100").expect("disk", State::Error, "less than 100%");
    disk("min_free_bytes = 1000000000000000000").expect("disk", State::Error, "less than 1000000000");
    let missing = disk("warn_percent = 0\nerror_percent = 0\npath = \"mnt/ไม่มี\"");
    missing.expect("disk", State::Error, "No such file");
    std::fs::create_dir_all(scene.path("mnt/ไม่มี")).expect("the folder");
    missing.expect("disk", State::Ok, " free (");
}

#[test]
fn a_port_that_is_open_and_closed() {
    let scene = Scene::new();
    let port = free_port();
    let toml = format!("[[monitor.check]]\nname = \"port\"\nkind = \"tcp\"\naddress = \"127.0.0.1:{port}\"\n");
    let bench = Bench::new(&scene.root(), &toml);
    bench.expect("port", State::Error, "refused: nothing listens on");
    let _listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    bench.expect("port", State::Ok, "accepts connections");
}

#[test]
fn a_report_that_is_due_and_missing() {
    let now: Timestamp = "2025-10-28T20:00:00Z".parse().expect("a time");
    let clock = Arc::new(FixedClock::at(now));
    let scene = Scene::new();
    let toml = "[[monitor.check]]\nname = \"beats\"\nkind = \"heartbeat\"\npath = \"g/reports/อื่น\"\n\
                prefix = \"heartbeat_\"\nmax_age_s = 600\n";
    let bench = Bench::with_clock(&scene.root(), toml, clock.clone());
    bench.expect("beats", State::Error, "`g/reports/อื่น` not found");
    // its mtime is that of this run, but its name tells when it was written
    scene.write("g/reports/อื่น/heartbeat_2025-10-28_18-00-00.md", "x");
    bench.expect("beats", State::Error, "is 2 h old; one is due every 10 min");
    scene.write("g/reports/อื่น/heartbeat_2025-10-28_19-55-00.md", "x");
    bench.expect("beats", State::Ok, "5 min ago");
    // neither the future, nor a hidden temporary file, nor an empty one vouches for anything
    scene.write("g/reports/อื่น/heartbeat_2031-01-01_00-00-00.md", "x");
    scene.write("g/reports/อื่น/.heartbeat_2025-10-28_20-00-00.md", "x");
    bench.expect("beats", State::Ok, "heartbeat_2025-10-28_19-55-00.md");
    scene.write("g/reports/อื่น/heartbeat_2025-10-28_19-59-00.md", "");
    bench.expect("beats", State::Error, "is empty or no file");
    std::fs::remove_file(scene.path("g/reports/อื่น/heartbeat_2025-10-28_19-59-00.md")).expect("away with it");
    clock.set("2025-10-28T20:10:00Z".parse().expect("a time"));
    bench.expect("beats", State::Error, "is 15 min old");
}

#[test]
fn a_command_runs_only_if_policy_allows_it() {
    let scene = Scene::new();
    let script = scene.path("โปรแกรม check");
    scene.write(&script, "#!/bin/sh\necho all quiet\n[ ! -e broken ] || { echo it is broken >&2; exit 3; }\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the mode");
    let check = format!(
        "[[monitor.check]]\nname = \"command\"\nkind = \"command\"\ncommand = ['{0}', \"$(x)\"]\n",
        script.display()
    );
    let allowed = format!("[policy]\nprograms = ['{}']\n", script.display());
    Bench::new(&scene.root(), &check).expect("command", State::Unknown, "unmeasured: not run: policy");
    let bench = Bench::new(&scene.root(), &format!("{allowed}{check}"));
    bench.expect("command", State::Ok, "exit status 0: all quiet");
    scene.write("broken", "");
    bench.expect("command", State::Error, "exit status 3: it is broken");
    std::fs::remove_file(scene.path("broken")).expect("away with it");
    bench.expect("command", State::Ok, "exit status 0");
    let wants = Bench::new(&scene.root(), &format!("{allowed}{check}contains = \"something else\"\n"));
    wants.expect("command", State::Error, "did not print `something else`");
    scene.write(&script, "#!/bin/sh\nsleep 600\n");
    let slow = Bench::new(&scene.root(), &format!("{allowed}{check}timeout_ms = 200\n"));
    let cycle = slow.cycle();
    let found = finding(&cycle, "command");
    assert!(found.state == State::Error && found.message.contains("time-out: "), "{found:?}");
    assert!(cycle.took < PATIENCE);
}

/// What it must say may stand on either stream, and at the end of much that nobody keeps.
#[test]
fn a_command_is_heard_on_both_streams_and_to_its_end() {
    let scene = Scene::new();
    let look = |script: &str, wanted: &str| {
        let path = scene.path("run/says.sh");
        scene.write("run/says.sh", format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the mode");
        let (path, wanted) = (path.display(), wanted);
        let toml = format!(
            "[policy]\nprograms = ['{path}']\n[[monitor.check]]\nname = \"says\"\nkind = \"command\"\n\
             command = ['{path}']\ntimeout_ms = 30000\n{wanted}"
        );
        Bench::new(&scene.root(), &toml).look("says")
    };
    let much = "yes | head -c 3000000; echo; echo THE END";
    for (script, wanted, state, said) in [
        ("echo all fine >&2", "contains = 'all fine'", State::Ok, "all fine"),
        ("echo all fine", "contains = 'all fine'", State::Ok, "all fine"),
        ("echo out; echo all bad >&2", "contains = 'all fine'", State::Error, "did not print `all fine`: all bad"),
        (much, "contains = 'THE END'", State::Ok, "exit status 0: THE END"),
        (&format!("{much}; exit 4"), "", State::Error, "exit status 4: THE END"),
    ] {
        let found = look(script, wanted);
        assert!(found.state == state && found.message.contains(said), "{script}: {found:?}");
    }
}
