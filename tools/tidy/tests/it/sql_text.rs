use tidy::rules::sql_text;

use crate::{assert_finds, assert_holds, assert_passes};

const STORE: &str = "services/fraud-limits/src/store.rs";

#[test]
fn sql_names_its_own_schema_and_always_does() {
    assert_holds(sql_text::check_names);
}

#[test]
fn sql_reads_no_clock_but_for_wall_time() {
    assert_holds(sql_text::check_time);
}

#[test]
fn sql_keeps_no_state_in_the_session() {
    assert_holds(sql_text::check_session_state);
}

/// A rule that no longer sees what it judges would pass for ever.
#[test]
fn the_sql_of_the_workspace_is_seen() {
    let tree = tidy::Tree::of_workspace().expect("the workspace can be read");
    let seen = tidy::sql::all(&tree);
    for folder in ["libs/mailbox/src/", "migrations/"] {
        assert!(
            seen.iter().any(|sql| sql.path.starts_with(folder)),
            "none under {folder}"
        );
    }
}

/// Each statement is refused for the name beside it.
#[test]
fn a_name_without_its_schema_is_refused_wherever_a_table_may_stand() {
    for (statement, name) in [
        ("select a from hold", "hold"),
        ("select a from payout.x join hold using (a)", "hold"),
        ("select a from payout.x as y, hold", "hold"),
        (
            "select a from payout.x where b in (select b from hold)",
            "hold",
        ),
        ("insert into hold (a) values (1)", "hold"),
        ("update hold set a = 1", "hold"),
        (
            "with x as (update hold set a = 1 returning a) select a from x",
            "hold",
        ),
        ("delete from hold where a = 1", "hold"),
        ("delete from payout.x using hold", "hold"),
        ("truncate table hold", "hold"),
        ("lock table hold in share mode", "hold"),
        ("create table if not exists hold (a bigint)", "hold"),
        ("alter table only hold add b bigint", "hold"),
        (
            "create table payout.x (a bigint references hold (a))",
            "hold",
        ),
        (
            "create table payout.x partition of hold for values from (1) to (2)",
            "hold",
        ),
        ("create unique index x on hold (a)", "hold"),
        (
            "create trigger t after insert or update of a on hold execute function payout.f()",
            "hold",
        ),
        (
            "create trigger t after insert on payout.x for each row execute function f()",
            "f",
        ),
        (
            "create function f() returns int as $$ select 1 $$ language sql",
            "f",
        ),
        (
            "grant select, update on payout.x, hold to payout_svc",
            "hold",
        ),
        ("comment on table hold is 'x'", "hold"),
        ("select a from \"Hold\"", "hold"),
    ] {
        let path = "migrations/payout/0001_create_hold.sql";
        let text = format!("-- a comment from nowhere\n{statement};\n");
        let place = format!("{path}:2");
        let message = format!("{name} has no schema … write payout.{name}");
        assert_finds(
            sql_text::check_names,
            &[(path, &text)],
            &[(&place, &message)],
        );
    }
}

#[test]
fn sql_that_names_no_table_or_its_own_is_let_pass() {
    let sql = "
        set local lock_timeout = '5s';
        create table payout.hold (
            a bigint not null, constraint hold__a foreign key (a) references payout.x (a)
                on delete restrict on update cascade
        );
        create index concurrently hold__a on payout.hold using btree (a);
        create constraint trigger t after insert or update on payout.hold deferrable
            for each row execute function payout.f();
        create function payout.f() returns trigger language plpgsql as $body$
        declare found_row payout.hold%rowtype;
        begin
            select h.a into found_row from payout.hold h for update of h skip locked;
            if new.a is distinct from old.a then update payout.hold set a = 1; end if;
            return new;
        end $body$;
        create trigger u after insert on payout.hold referencing new table as changed
            for each statement execute function payout.g();
        grant select, insert, update (a) on payout.hold to payout_svc;
        grant usage on schema payout to payout_svc;
        revoke update on payout.hold from payout_svc;
        create policy p on payout.hold using (true);
        with due (a) as materialized (select a from payout.hold, unnest($1::bigint[]) as b),
             rest as (delete from payout.hold where a in (select a from due) returning a)
        insert into payout.hold (a) select a from rest join lateral (select 1) z on true
            on conflict (a) do update set a = excluded.a;
        select extract(epoch from a), substring(b from 1 for 2), trim(both from c)
            from payout.hold, changed, pg_class, generate_series(1, 2);
        comment on column payout.hold.a is 'taken from hold';
        drop index payout.hold__a;
        alter table payout.hold alter column a set default 1;
    ";
    assert_passes(
        sql_text::check_names,
        &[("migrations/payout/0001_create_hold.sql", sql)],
    );
}

#[test]
fn a_store_that_names_another_schema_is_refused() {
    let store = "async fn f() {\n    sqlx::query!(\n        \"select a from fraud_limits.x\n\
                 \x20        join earnings.balance b on b.a = x.a\"\n    )\n}\n\
                 const LATER: &str = r#\"insert into hold (a) values (1)\"#;\n";
    assert_finds(
        sql_text::check_names,
        &[(STORE, store)],
        &[
            (
                &format!("{STORE}:4"),
                "earnings.balance is not in this service's schema fraud_limits … gRPC",
            ),
            (
                &format!("{STORE}:7"),
                "hold has no schema … write fraud_limits.hold",
            ),
        ],
    );
}

#[test]
fn english_in_a_store_and_placeholders_in_the_mailbox_are_let_pass() {
    let store = "fn f() -> &'static str { \"update the hold from the queue\" }\n";
    let mailbox =
        "fn f(schema: &str) { format!(\"insert into {schema}.outbox (a) values ($1)\") }\n";
    assert_passes(
        sql_text::check_names,
        &[(STORE, store), ("libs/mailbox/src/outbox.rs", mailbox)],
    );
}

#[test]
fn tests_outside_services_may_make_up_tables_and_tests_of_services_may_not() {
    let test = "#[cfg(test)]\nmod tests { fn f() { query(\"create table note (x int)\") } }\n";
    assert_finds(
        sql_text::check_names,
        &[("tools/tributary/src/database.rs", test), (STORE, test)],
        &[(&format!("{STORE}:2"), "note has no schema")],
    );
}

#[test]
fn the_clock_of_postgres_is_refused_outside_wall_time() {
    let sql = "create table a.b (\n    c timestamptz default now(),\n    \
               d_wall_at timestamptz default now()\n);\nselect current_timestamp;\n";
    assert_finds(
        sql_text::check_time,
        &[("migrations/a/0001_create_b.sql", sql)],
        &[
            (
                "migrations/a/0001_create_b.sql:2",
                "now reads Postgres's clock … parameter",
            ),
            (
                "migrations/a/0001_create_b.sql:5",
                "current_timestamp reads",
            ),
        ],
    );
}

#[test]
fn session_locks_and_search_paths_are_refused() {
    let store = "fn f() { query!(\"select pg_advisory_lock($1)\") }\n\
                 fn g() { query!(\"select pg_advisory_xact_lock($1)\") }\n";
    assert_finds(
        sql_text::check_session_state,
        &[
            (STORE, store),
            (
                "migrations/a/0001_x_y.sql",
                "\nset search_path = a; -- search_path\n",
            ),
        ],
        &[
            (&format!("{STORE}:1"), "pg_advisory_xact_lock"),
            (
                "migrations/a/0001_x_y.sql:2",
                "write the schema before every name",
            ),
        ],
    );
}
