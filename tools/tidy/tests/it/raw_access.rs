use tidy::rules::raw_access;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn clocks_environment_entropy_pools_and_tasks_come_from_kit() {
    assert_holds(raw_access::check);
}

#[test]
fn raw_access_in_a_service_is_refused_with_its_replacement() {
    let worker = "let a = Instant::now();\nlet b = std::env::var(\"A\");\nlet c = uuid::Uuid::now_v7();\n\
                  let d = PgPoolOptions::new();\ntokio::spawn(async {});\n#[tokio::main]\n";
    let path = "services/payout/src/worker.rs";
    assert_finds(
        raw_access::check,
        &[(path, worker)],
        &[
            (&format!("{path}:1"), "kit's clock"),
            (&format!("{path}:2"), "Config"),
            (&format!("{path}:3"), "from kit"),
            (&format!("{path}:4"), "the guards"),
            (&format!("{path}:5"), "spawn through kit"),
            (&format!("{path}:6"), "kit::run"),
        ],
    );
}

#[test]
fn kit_tools_tests_and_build_scripts_may_have_it() {
    let raw = "let a = SystemTime::now();\nlet b = std::env::var(\"A\");\n";
    assert_passes(
        raw_access::check,
        &[
            ("libs/kit/src/clock.rs", raw),
            ("libs/testkit/src/lib.rs", raw),
            ("libs/wire/build.rs", raw),
            ("tools/tributary/src/up.rs", raw),
            ("services/payout/tests/it/sending.rs", raw),
        ],
    );
}
