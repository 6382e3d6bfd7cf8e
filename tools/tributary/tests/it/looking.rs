//! The commands that look: what they find wrong, how they say it, and what they end with.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::place::Place;

const PATIENCE: Duration = Duration::from_secs(20);

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let (out, err) = (&output.stdout, &output.stderr);
        let [out, err] = [out, err].map(|text| String::from_utf8_lossy(text));
        panic!("{error}: {out} {err}")
    })
}

/// The state of a line of the doctor's, and what it says.
fn line(output: &Output, what: &str) -> (String, String) {
    let examined = json(output);
    let lines = examined["lines"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["what"] == what);
    let line = line.unwrap_or_else(|| panic!("no line on {what}: {examined}"));
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("detail") + &text("advice"))
}

#[tokio::test]
async fn the_doctor_finds_fresh_servers_well_and_names_each_thing_that_is_not() {
    let place = Place::new();
    place.start();
    let well = place.run("doctor", &["--json"]);
    for what in [
        "postgres durable",
        "postgres clock",
        "nats durable",
        "env",
        "postgres",
        "nats",
    ] {
        assert_eq!(line(&well, what).0, "ok", "{what}: {:?}", line(&well, what));
    }

    let mut database = place.database().await;
    for sql in ["alter system set fsync = off", "select pg_reload_conf()"] {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        done.execute(&mut database).await.expect(sql);
    }
    let env = place.dir().join("env");
    set_permissions(&env, Permissions::from_mode(0o640)).expect("chmod");
    let mut ill = place.run("doctor", &["--json"]);
    let began = Instant::now();
    // The server reads its configuration in its own time.
    while line(&ill, "postgres durable").0 == "ok" && began.elapsed() < PATIENCE {
        ill = place.run("doctor", &["--json"]);
    }
    assert_eq!(ill.status.code(), Some(11));
    assert_eq!(json(&ill)["well"], false);
    assert!(line(&ill, "postgres durable").1.contains("fsync is off"));
    assert_eq!(line(&ill, "env").0, "wrong");
    assert!(line(&ill, "env").1.contains("chmod 600"));
    let words = place.run("doctor", &[]);
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(
        words.contains("WRONG") && words.contains("-> chmod 600"),
        "{words}"
    );
}

#[test]
fn a_doctor_without_an_instance_says_so_and_finds_no_fault_in_it() {
    let place = Place::new();
    let output = place.run("doctor", &["--json"]);
    let (state, says) = line(&output, "instance");
    assert_eq!(state, "warning", "{says}");
    assert!(says.ends_with("tributary up"), "{says}");
}

#[test]
fn a_stop_says_in_json_whether_anything_ran() {
    let place = Place::new();
    assert_eq!(json(&place.run("down", &["--json"]))["stopped"], false);
    place.start();
    assert_eq!(json(&place.run("down", &["--json"]))["stopped"], true);
}

#[test]
fn a_token_is_printed_bare_or_with_what_it_is_for() {
    let place = Place::new();
    std::fs::write(place.dir().join("env"), "AUTH_HS256_SECRET=secret").expect("written");
    let arguments = ["--sub", "u_1", "--role", "creator,admin"];
    let bare = place.run("token", &arguments);
    let told = json(&place.run("token", &[&arguments[..], &["--json"]].concat()));
    assert_eq!(told["roles"], serde_json::json!(["creator", "admin"]));
    assert_eq!(told["expires_in_s"], 3_600);
    let token = told["token"].as_str().expect("a token");
    let head = |token: &str| token.split('.').next().map(str::to_owned);
    assert_eq!(
        head(token),
        head(String::from_utf8_lossy(&bare.stdout).trim())
    );
}

#[test]
fn what_cannot_be_reached_is_named_and_ends_with_1() {
    let place = Place::new();
    let env = "GATEWAY_URL=http://127.0.0.1:1\nAUTH_HS256_SECRET=x\n";
    std::fs::write(place.dir().join("env"), env).expect("written");
    let cases = [
        (
            "close",
            vec!["2027-01"],
            "http://127.0.0.1:1/v1/admin/months/2027-01/close: no answer",
        ),
        ("trace", vec!["ch_1"], "AUDITOR_DATABASE_URL is not in"),
        ("verify", vec![], "STRIPE_SECRET_KEY is not in"),
    ];
    for (command, arguments, says) in cases {
        let output = place.run(command, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains(says), "{command}: {said}");
    }
    assert_eq!(place.run("close", &["January"]).status.code(), Some(2));
}
