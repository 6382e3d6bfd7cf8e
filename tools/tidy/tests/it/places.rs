use tidy::rules::places;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn no_address_leads_out_of_the_repository() {
    assert_holds(places::check);
}

#[test]
fn machine_paths_registries_and_foreign_hosts_are_refused() {
    assert_finds(
        places::check,
        &[
            ("Makefile", "all:\n\tcd /work/main\n\tls /root/x\n"),
            ("deny.toml", "a = \"https://index.crates.io/x\"\n"),
            (
                "docs/operations.md",
                "See https://blog.acme.dev/post and http://stripe.com.evil.dev/.\n",
            ),
        ],
        &[
            ("Makefile:2", "/work/ … from the root of the repository"),
            ("Makefile:3", "/root/"),
            ("deny.toml:1", "host of a package registry"),
            ("deny.toml:1", "the host index.crates.io"),
            (
                "docs/operations.md:1",
                "the host blog.acme.dev … example.com",
            ),
            ("docs/operations.md:1", "the host stripe.com.evil.dev"),
        ],
    );
}

#[test]
fn examples_ourselves_stripe_standards_and_placeholders_are_let_pass() {
    assert_passes(
        places::check,
        &[(
            "docs/operations.md",
            "https://docs.stripe.com/x http://127.0.0.1:8080 http://[::1]/ http://localhost \
             https://app.example.com http://gateway:8080 http://{host} https://$HOST \
             http://www.w3.org/2000/svg https://user:pass@example.com/ target/work/ src/root/a \
             http://nats.tributary.svc.cluster.local:8222",
        )],
    );
}
