use super::*;

fn root() -> (tempfile::TempDir, Root) {
    let dir = tempfile::Builder::new().prefix("ราก it's ").tempdir().unwrap();
    let root = Root::at(dir.path()).unwrap();
    (dir, root)
}

fn nowhere() -> Places {
    Places { launch_agents: vec![], redis_confs: vec![], environment: BTreeMap::new(), docker: None }
}

fn write(root: &Root, path: &str, text: &str) {
    crate::durable::write(&root.join(path), text.as_bytes(), 0o644).unwrap();
}

fn found(root: &Root, places: &Places, user: Option<&str>) -> Vec<(String, String)> {
    let candidates = find(root, places, &[], user).candidates;
    candidates.iter().map(|c| (c.source.to_string(), c.password.expose().to_owned())).collect()
}

#[test]
fn each_kind_of_source_in_its_order() {
    let (_dir, root) = root();
    let agents = root.join("agents");
    let plist = r#"<?xml version="1.0"?><plist version="1.0"><dict><key>EnvironmentVariables</key>
        <dict><key>REDIS_PASSWORD</key><string>from-plist</string></dict></dict></plist>"#;
    write(&root, "agents/com.x.plist", plist);
    write(&root, "redis.conf", "# requirepass old\nrequirepass \"from conf\"\nuser ops on >from-acl ~* +@all\n");
    write(
        &root,
        "docker/docker-compose.yml",
        "services:\n  redis:\n    image: redis:7\n    command: redis-server --requirepass ${REDIS_PW:-from-compose}\n    environment:\n      - REDIS_PASSWORD=from-list\n  other:\n    environment:\n      REDIS_PASS: 123456\n",
    );
    write(&root, ".env", "# x\nexport REDIS_PASSWORD=\"from # env\"\nREDIS_URL=redis://:p%40ss+1@h:1/0 # c\n");
    write(&root, "bridge/state/secrets/redis", "from-file\n");
    let mut places = nowhere();
    places.launch_agents.push(agents);
    places.environment.insert("REDIS_PASSWORD".to_owned(), "from-environment".to_owned());
    let expected = [
        ("the environment variable REDIS_PASSWORD", "from-environment"),
        ("the secret file `bridge/state/secrets/redis`", "from-file"),
        ("`.env` (REDIS_PASSWORD)", "from # env"),
        ("`.env` (REDIS_URL)", "p@ss+1"),
        ("`docker/docker-compose.yml` (REDIS_PASSWORD)", "from-list"),
        ("`docker/docker-compose.yml` (requirepass)", "from-compose"),
        ("`docker/docker-compose.yml` (REDIS_PASS)", "123456"),
        ("`redis.conf` (requirepass)", "from conf"),
        ("`redis.conf` (user)", "from-acl"),
        ("`agents/com.x.plist` (REDIS_PASSWORD)", "from-plist"),
    ];
    let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(found(&root, &places, None), expected);
    let of_acl = found(&root, &nowhere(), Some("ops"));
    assert!(of_acl.contains(&("`redis.conf` (user)".to_owned(), "from-acl".to_owned())), "{of_acl:?}");
    assert!(of_acl.iter().all(|(_, password)| password != "from conf"));
}

#[test]
fn quotes_files_and_clients() {
    let (_dir, root) = root();
    write(&root, ".env", "REDIS_PASSWORD=\"a\\\"b\\\\c#d\" # x\nREDIS_AUTH='e\\f'\nREDIS_PASS_FILE=conf/redis.txt\n");
    write(&root, "conf/redis.txt", "from a file\r\n");
    let compose = "services:\n  redis:\n    healthcheck:\n      test: [\"CMD-SHELL\", \"redis-cli -a 'of the client' ping | grep -a PONG\"]\n";
    write(&root, "compose.yml", compose);
    let passwords: Vec<String> = found(&root, &nowhere(), None).into_iter().map(|(_, password)| password).collect();
    assert_eq!(passwords, ["a\"b\\c#d", "from a file", "e\\f", "of the client"]);
}

#[test]
fn a_user_that_a_source_names_goes_with_its_password() {
    let (_dir, root) = root();
    write(&root, ".env", "\u{feff}REDIS_PASSWORD=one\r\nREDIS_USERNAME=ops\r\nREDIS_URL=redis://m%40n:two@h:1\r\n");
    write(&root, "users.acl", "user default off\nuser mon on >three ~* +ping\n");
    let found: Vec<_> = find(&root, &nowhere(), &[], None)
        .candidates
        .into_iter()
        .map(|found| (found.user.unwrap_or_default(), found.password.expose().to_owned()))
        .collect();
    let expected = [("", "one"), ("ops", "one"), ("m@n", "two"), ("mon", "three")];
    assert_eq!(found, expected.map(|(user, password)| (user.to_owned(), password.to_owned())));
}

#[test]
fn each_service_has_its_own_environment_and_the_check_names_its_variable() {
    let (_dir, root) = root();
    let text = "x-all:\n  environment:\n    REDIS_PASSWORD: of-all\nservices:\n  redis:\n    environment:\n      REDIS_PASSWORD: right\n  \
                worker:\n    environment:\n      - REDIS_PASSWORD=stale\n";
    write(&root, "compose.yml", text);
    let passwords: Vec<String> = found(&root, &nowhere(), None).into_iter().map(|(_, password)| password).collect();
    assert_eq!(passwords, ["of-all", "right", "stale"]);
    write(&root, ".env", "CACHE_PW=of-the-cache\n");
    let named = [SecretRef::Env("CACHE_PW".to_owned())];
    let candidates = find(&root, &nowhere(), &named, None).candidates;
    let shown: Vec<String> = candidates.iter().map(|candidate| candidate.source.to_string()).collect();
    assert!(shown.contains(&"`.env` (CACHE_PW)".to_owned()), "{shown:?}");
}

#[test]
fn passwords_by_role_and_urls_under_any_name_are_found_with_their_source() {
    for (line, password) in [
        ("QUEUE_REDIS_PASSWORD=abc123", "abc123"),
        ("REDIS_QUEUE_PASSWORD=abc123", "abc123"),
        ("REDIS_MASTER_PASSWORD=abc123", "abc123"),
        ("REDIS_PWD=abc123", "abc123"),
        ("REDIS_AUTH_TOKEN=abc123", "abc123"),
        ("CELERY_BROKER_URL=redis://:p%40ss@127.0.0.1:18221/1", "p@ss"),
        ("CACHE_URL=rediss://default:abc123@cache:6379/1", "abc123"),
    ] {
        let (_dir, root) = root();
        write(&root, ".env", &format!("POSTGRES_PASSWORD=no\nDATABASE_URL=postgres://a:no@h/db\n{line}\n"));
        let key = line.split('=').next().unwrap();
        assert_eq!(found(&root, &nowhere(), None), [(format!("`.env` ({key})"), password.to_owned())], "{line}");
    }
    // the usual name first, then the others; a user beside the password goes with it
    let (_dir, root) = root();
    write(&root, ".env", "A_REDIS_PASSWORD=one\nA_REDIS_USERNAME=ops\nREDIS_PASSWORD=two\nB_REDIS_PW_FILE=conf/b\n");
    write(&root, "conf/b", "three\n");
    let all = find(&root, &nowhere(), &[], None).candidates;
    let all: Vec<_> = all.iter().map(|found| (found.user.as_deref(), found.password.expose())).collect();
    assert_eq!(all, [(None, "two"), (None, "one"), (Some("ops"), "one"), (None, "three")]);
}

#[test]
fn compose_lists_and_variables() {
    let (_dir, root) = root();
    write(&root, ".env", "PW='se\"cret'\n");
    let text = "services:\n  redis:\n    command:\n      - redis-server\n      - --requirepass\n      - $PW\n";
    write(&root, "compose.yaml", text);
    assert_eq!(found(&root, &nowhere(), None), [("`compose.yaml` (requirepass)".to_owned(), "se\"cret".to_owned())]);
}

#[test]
fn broken_and_hostile_files_give_nothing_and_do_no_harm() {
    let (_dir, root) = root();
    write(&root, "docker-compose.yml", ": : : [");
    write(&root, "compose.yml", &"[".repeat(5_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    write(&root, "compose.bomb.yml", bomb);
    write(&root, "x.plist", "<plist>&&</plist>");
    write(&root, ".env", "=\nREDIS_PASSWORD\nREDIS_PASSWORD='\nREDIS_URL=::\n");
    write(&root, "redis.conf", "requirepass\nuser\n\"\n");
    assert_eq!(found(&root, &nowhere(), None), []);
}

#[test]
fn no_password_is_ever_shown() {
    let (_dir, root) = root();
    write(&root, ".env", "REDIS_PASSWORD=hunter2hunter2\n");
    let candidates = find(&root, &nowhere(), &[], None).candidates;
    assert_eq!(candidates.len(), 1);
    let shown = format!("{candidates:?} {}", serde_json::to_string(&candidates[0].source).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn as_each_kind_of_source_is_written_in_the_field() {
    let compose = |service: &str| ("docker-compose.yml", format!("services:\n  redis:\n{service}"));
    let cases: Vec<(&str, Vec<(&str, String)>)> = vec![
        ("abc123", vec![(".env", "export\tREDIS_PASSWORD=abc123\t# prod\n".to_owned())]),
        ("p@ss#w0rd", vec![(".env", "REDIS_PASSWORD=p@ss#w0rd\n".to_owned())]),
        ("topsecret9", vec![(".env", "BASE=topsecret9\nREDIS_PASSWORD=${BASE}\n".to_owned())]),
        ("topsecret9", vec![(".env", "PW=topsecret9\nREDIS_URL=redis://:${PW}@127.0.0.1:6379/0\n".to_owned())]),
        ("a$b", vec![(".env", "b=no\nREDIS_PASSWORD=\"a\\$b\"\n".to_owned())]),
        ("a$b", vec![(".env", "b=no\nREDIS_PASSWORD='a$b'\n".to_owned())]),
        ("a$$b", vec![(".env", "REDIS_PASSWORD=a$$b\n".to_owned())]),
        ("x y", vec![compose("    command: ['redis-server','--requirepass','x y']\n")]),
        ("it's 1", vec![compose("    command:\n      - redis-server\n      - --requirepass\n      - \"it's 1\"\n")]),
        ("def 1", vec![compose("    command: [redis-server, --requirepass, '${REDIS_PASSWORD:-def 1}']\n")]),
        ("deep", vec![compose("    command: redis-server --requirepass ${A:-${B:-deep}}\n")]),
        (
            "abc123",
            vec![compose(
                "    environment:\n      RPW: abc123\n    command: sh -c 'redis-server --requirepass \"$$RPW\"'\n",
            )],
        ),
        (
            "abc123",
            vec![
                compose("    env_file: config/redis.vars\n"),
                ("config/redis.vars", "REDIS_PASSWORD=abc123\n".to_owned()),
            ],
        ),
        (
            "abc123",
            vec![
                compose("    env_file:\n      - path: config/redis.vars\n"),
                ("config/redis.vars", "REDIS_PASSWORD=abc123\n".to_owned()),
            ],
        ),
        (
            "abc123",
            vec![
                compose(
                    "    environment:\n      REDIS_PASSWORD_FILE: /run/secrets/rp\nsecrets:\n  rp:\n    file: ./conf/rp.txt\n",
                ),
                ("conf/rp.txt", "abc123\n".to_owned()),
            ],
        ),
        ("Az'", vec![("redis.conf", "requirepass \"\\x41z'\"\n".to_owned())]),
        (
            "abc123",
            vec![
                ("redis.conf", "include conf/auth.inc\n".to_owned()),
                ("conf/auth.inc", "requirepass abc123\n".to_owned()),
            ],
        ),
        ("abc123", vec![("redis.conf", "include redis.conf\nrequirepass abc123\n".to_owned())]),
        (
            "abc123",
            vec![(
                "launchd/x.plist",
                "<plist version=\"1.0\"><dict><key>EnvironmentVariables</key><dict><key>REDIS_PASSWORD</key>\
                 <string><![CDATA[abc123]]></string></dict></dict></plist>"
                    .to_owned(),
            )],
        ),
    ];
    for (password, files) in cases {
        let (_dir, root) = root();
        files.iter().for_each(|(path, text)| write(&root, path, text));
        let all = found(&root, &nowhere(), None);
        assert!(all.iter().any(|(_, known)| known == password), "{password} in {files:?}: {all:?}");
    }
}

#[test]
fn a_byte_that_is_no_utf8_costs_itself_and_what_is_passed_over_is_named() {
    let (_dir, root) = root();
    crate::durable::write(&root.join(".env"), b"# caf\xe9\nREDIS_PASSWORD=abc123\n", 0o644).unwrap();
    write(&root, "compose.yml", "services: [\n");
    write(&root, "launchd/x.plist", "<plist><dict>a && b");
    write(&root, "redis.conf", &"# long\n".repeat(60_000));
    let all = find(&root, &nowhere(), &[], None);
    assert_eq!(all.candidates.iter().map(|c| c.password.expose()).collect::<Vec<_>>(), ["abc123"]);
    let mut passed: Vec<String> = all.passed.iter().map(ToString::to_string).collect();
    passed.sort();
    assert_eq!(passed.len(), 3, "{passed:?}");
    for (said, parts) in
        passed.iter().zip([["compose.yml", "no YAML"], ["launchd/x.plist", "no plist"], ["redis.conf", "larger than"]])
    {
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}
