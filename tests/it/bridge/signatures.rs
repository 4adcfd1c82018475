//! Signatures beside orders, where they are required.

use std::fs;
use std::path::Path;

use workbridge::bridge::signature;
use workbridge::bridge::take::TakeError;
use workbridge::config::Config;

use super::{Loop, QUIET, names, only_candidate, open, scene};

/// Key, and the signature of the bytes `test`, from the documentation of minisign-verify.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
    RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
    trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
    wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

fn check_signature(order: &str, sign: impl FnOnce(&Path)) -> Result<(), TakeError> {
    let scene = scene().order("WO-1.md", order);
    sign(&scene.path("bridge/inbox/CLC/WO-1.md.minisig"));
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    signature::check_beside(KEY, &candidate, &taken.bytes)
}

#[test]
fn only_a_good_signature_passes() {
    let write = |path: &Path| fs::write(path, SIGNATURE).unwrap();
    check_signature("test", write).unwrap();
    let code = |result: Result<(), TakeError>| match result {
        Err(TakeError::Refused(reason)) => reason.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(check_signature("Test", write)), "bad-signature");
    assert_eq!(code(check_signature("test", |_| ())), "unsigned");
    assert_eq!(code(check_signature("test", |path| fs::write(path, "nonsense").unwrap())), "bad-signature");
    assert_eq!(code(check_signature("test", |path| fs::write(path, "x".repeat(100_000)).unwrap())), "bad-signature");
    assert_eq!(code(check_signature("test", |path| fs::create_dir(path).unwrap())), "bad-signature");
}

#[test]
fn a_signature_that_comes_after_its_order_is_waited_for() {
    let scene = scene();
    let mut config = Config::default();
    config.inbox.require_signature = Some(KEY.to_owned());
    let mut inbox = Loop::with(&scene, config);
    scene.drop_order("WO-1.md", "test");
    inbox.settle_down();
    inbox.expect_taken(&[]);
    scene.drop_order("WO-1.md.minisig", SIGNATURE);
    inbox.beat(QUIET);
    inbox.expect_taken(&[("WO-1.md", "test")]);
    assert!(names(&inbox.inbox()).is_empty(), "the signature went along");
}
