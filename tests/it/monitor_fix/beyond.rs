//! What the handler must leave alone: a check that is there and says no, a database that is lost while copies of it lie
//! about. The order fails, names it, and nothing is changed.

use std::fs;

use super::*;

const SCRIPT: &str = "/bin/sh";

/// A root in which only the database check is wrong, as `check` says.
pub(super) fn scene(check: &str) -> (Scene, RedisServer, TestLaunchd) {
    let launchd = TestLaunchd::new();
    let redis = RedisServer::with_password(PASSWORD);
    let settings = format!(
        "# ours\n[monitor]\ninterval_s = 1.0\n[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{}\"\n\
         [[monitor.check]]\nname = \"database\" # the one\n{check}\n[policy]\nprograms = [\"{SCRIPT}\"]\n\
         [web]\nenabled = false\n{}",
        redis.url(),
        launchd.config()
    );
    let scene = Scene::new().config(&settings).file(".env", format!("REDIS_PASSWORD={PASSWORD}\n"));
    (scene, redis, launchd)
}

const TEXT: &str = "# WO-1-ACTIVATE-MONITOR\n\n## Acceptance\n\n- Heartbeat cycles: ≥ 2\n- Database check: OK\n";

/// Runs the order and sees it fail, with nothing changed and each of `reasons` said.
#[track_caller]
fn fails_and_changes_nothing(scene: Scene, launchd: TestLaunchd, redis: RedisServer, reasons: &[&str]) {
    let world = World { scene, launchd, _redis: redis };
    let before = world.state();
    world.scene.drop_order("WO-1-ACTIVATE-MONITOR.md", TEXT);
    let ran = world.scene.wo(["run"]).expect_exit(1);
    let result = world.scene.result("WO-1-ACTIVATE-MONITOR");
    assert_eq!(result["outcome"], "failed", "{ran}");
    let reason = result["reason"].as_str().unwrap();
    for said in reasons {
        assert!(reason.contains(said), "{said}: {reason}");
    }
    let greens: Vec<_> =
        verdicts(&world.scene, "WO-1-ACTIVATE-MONITOR").into_iter().filter(|(_, v)| v == "PASS").collect();
    assert_eq!(greens, []);
    let kept = |state: BTreeMap<String, String>| -> BTreeMap<String, String> {
        // heartbeats and reports are records: they stay, in their folders
        state.into_iter().filter(|(name, _)| !name.contains(" g/") && !name.starts_with("dir g")).collect()
    };
    assert_eq!(kept(before), kept(world.state()), "{ran}");
}

#[test]
fn a_check_that_is_there_and_says_no_is_not_replaced() {
    let check = format!(
        "kind = \"command\" # counts failed jobs\ncommand = [\"{SCRIPT}\", \"scripts/db_health.sh\"]\ncontains = \"ok\""
    );
    let (scene, redis, launchd) = scene(&check);
    let scene = scene.database();
    scene.write("scripts/db_health.sh", "echo '5 failed jobs'\nexit 3\n");
    let said = ["beyond this handler", "database: ", "5 failed jobs", "wo retry WO-1-ACTIVATE-MONITOR"];
    fails_and_changes_nothing(scene, launchd, redis, &said);
}

#[test]
fn a_check_that_policy_does_not_allow_is_a_persons_to_allow() {
    let check = "kind = \"command\"\ncommand = [\"/bin/cat\", \"scripts/db_health.sh\"]";
    let (scene, redis, launchd) = scene(check);
    let scene = scene.database();
    scene.write("scripts/db_health.sh", "echo ok\n");
    fails_and_changes_nothing(scene, launchd, redis, &["not run: policy", "/bin/cat"]);
}

#[test]
fn a_copy_is_not_taken_for_the_database_and_of_several_a_person_chooses() {
    let native = "kind = \"sqlite\"\npath = \"knowledge/02luka.db\"";
    let cases: [(&[&str], &[&str]); 3] = [
        (&["snapshots/2025-09-30/02luka.db", "tests/fixtures/02luka.db"], &["no database of that name"]),
        (&["data/02luka.db", "mirror/02luka.db"], &["more than one", "data/02luka.db", "mirror/02luka.db"]),
        (&[], &["no database of that name"]),
    ];
    for (copies, reasons) in cases {
        let (scene, redis, launchd) = scene(native);
        let scene = scene.database();
        for copy in copies {
            scene.write(copy, fs::read(scene.path("knowledge/02luka.db")).unwrap());
        }
        fs::remove_file(scene.path("knowledge/02luka.db")).unwrap();
        fails_and_changes_nothing(scene, launchd, redis, reasons);
    }
}

#[test]
fn a_database_that_was_emptied_did_not_move() {
    let (scene, redis, launchd) = scene("kind = \"sqlite\"\npath = \"knowledge/02luka.db\"");
    let scene = scene.database();
    scene.write("data/02luka.db", fs::read(scene.path("knowledge/02luka.db")).unwrap());
    scene.write("knowledge/02luka.db", "");
    fails_and_changes_nothing(scene, launchd, redis, &["beyond this handler", "database: "]);
}

#[test]
fn a_database_that_moved_is_found() {
    let (scene, redis, launchd) = scene("kind = \"sqlite\"\npath = \"knowledge/02luka.db\"");
    let scene = scene.database();
    scene.write("data/02luka.db", fs::read(scene.path("knowledge/02luka.db")).unwrap());
    scene.write("backups/02luka.db", fs::read(scene.path("knowledge/02luka.db")).unwrap());
    fs::remove_file(scene.path("knowledge/02luka.db")).unwrap();
    scene.drop_order("WO-1-ACTIVATE-MONITOR.md", TEXT);
    let ran = scene.wo(["run"]).expect_exit(0);
    assert_eq!(scene.result("WO-1-ACTIVATE-MONITOR")["outcome"], "done", "{ran}");
    assert!(scene.read("wo.toml").contains("path = \"data/02luka.db\""), "{}", scene.read("wo.toml"));
    drop((redis, launchd));
}

/// The script is there, and what it asks for is not, as Node says it: its words come before its version.
#[test]
fn a_script_whose_module_is_gone_points_nowhere() {
    let check = format!("kind = \"command\"\ncommand = [\"{SCRIPT}\", \"scripts/db_health.sh\"]");
    let (scene, redis, launchd) = scene(&check);
    let scene = scene.database();
    scene.write(
        "scripts/db_health.sh",
        "printf \"  throw err;\\n\\nError: Cannot find module './index.cjs'\\nRequire stack:\\n- /r/x.cjs\\n\\nNode.js v20.20.2\\n\" >&2\n\
         exit 1\n",
    );
    scene.write("order.md", TEXT);
    let plan = scene.wo(["plan", "order.md"]).expect_exit(0);
    assert!(plan.stdout.contains("it shells out to `./index.cjs`, which does not exist"), "{plan}");
    fs::remove_file(scene.path("order.md")).unwrap();
    scene.drop_order("WO-1-ACTIVATE-MONITOR.md", TEXT);
    let ran = scene.wo(["run"]).expect_exit(0);
    assert_eq!(scene.result("WO-1-ACTIVATE-MONITOR")["outcome"], "done", "{ran}");
    assert!(scene.read("wo.toml").contains("kind = \"sqlite\""), "{}", scene.read("wo.toml"));
    drop((redis, launchd));
}

/// The loop's heartbeats are green in what was repaired, and the verification says no: it is no proof.
#[test]
fn a_verification_that_fails_takes_the_repairs_back() {
    let (scene, redis, launchd) = scene(&format!(
        "kind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n[[monitor.check]]\nname = \"database-rows\"\n\
         kind = \"command\"\ncommand = [\"{SCRIPT}\", \"scripts/rows.sh\"]"
    ));
    // it says so only once the loop is there
    scene.write("scripts/rows.sh", "[ -e launchd ] && exit 3\necho ok\n");
    fails_and_changes_nothing(scene.database(), launchd, redis, &["proof", "Database: ", "database-rows: "]);
}

/// Nobody asked for a check to be repaired that warns: it is told, and no reason to take back what was.
#[test]
fn a_warning_of_another_check_takes_no_repair_back() {
    let open = RedisServer::open();
    let (scene, redis, launchd) = scene(&format!(
        "kind = \"command\"\ncommand = [\"{SCRIPT}\", \"knowledge/gone.sh\"]\n\
         [[monitor.check]]\nname = \"optional\"\nkind = \"redis\"\nurl = \"redis://127.0.0.1:1\"\nseverity = \"warn\"\n\
         [[monitor.check]]\nname = \"open\"\nkind = \"redis\"\nurl = \"{}\"\npassword = {{ file = \"known\" }}",
        open.url()
    ));
    let scene = scene.database().file("known", PASSWORD);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(scene.path("known"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!("{TEXT}- Redis: OK\n- All checks: pass\n- Redis (port 1): OK\n");
    scene.drop_order("WO-1-ACTIVATE-MONITOR.md", text);
    let ran = scene.wo(["run"]);
    let judged = verdicts(&scene, "WO-1-ACTIVATE-MONITOR");
    let failed: Vec<&(String, String)> = judged.iter().filter(|(_, verdict)| verdict != "PASS").collect();
    // what is down and may be is nothing that was seen to work
    let expected = [("All checks", "FAIL"), ("Redis (port 1)", "UNMEASURED")];
    let expected = expected.map(|(metric, verdict)| (metric.to_owned(), verdict.to_owned()));
    assert_eq!(failed, expected.iter().collect::<Vec<_>>(), "{ran}");
    assert!(scene.read("wo.toml").contains("kind = \"sqlite\""), "{}", scene.read("wo.toml"));
    let verified = scene.wo(["verify", "monitor", "--dry-run"]).expect_exit(0);
    for said in ["optional: warning: refused", "open: warning: PONG", "with a warning of optional, open"] {
        assert!(verified.stdout.contains(said), "{said}: {verified}");
    }
    scene.wo(["monitor", "--once"]).expect_exit(0);
    drop((redis, launchd));
}
