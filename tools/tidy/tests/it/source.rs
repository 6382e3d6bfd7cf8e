use tidy::functions::{functions, parameters};
use tidy::source::Source;

#[test]
fn comments_literals_and_lifetimes_are_told_apart() {
    let raw = "let a = 'x'; let b: &'static str = \"fn \\\" y\"; // fn z\nlet c = br#\"fn \" w\"#; /* a /* b */ fn */ let d = '\\'';";
    let source = Source::parse("a/src/b.rs", raw);
    assert_eq!(source.code.len(), raw.len());
    assert!(!source.code.contains("fn"), "{}", source.code);
    assert!(source.code.contains("&'static str") && source.code.contains("let d = "));
    assert_eq!(source.literals.len(), 2);
    assert_eq!(source.line_at(source.literals[1].offset), 2);
}

#[test]
fn non_ascii_text_keeps_offsets_and_lines() {
    let raw = "// naïve – …\nlet a = \"é\"; let b = 'é'; fn c() {}\n";
    let source = Source::parse("a/src/b.rs", raw);
    assert_eq!(source.code.len(), raw.len());
    assert_eq!(functions(&source.code)[0].line, 2);
}

#[test]
fn functions_are_measured_over_arrays_generics_and_where_clauses() {
    let code = "fn a<F>(x: [u8; 3], f: F) -> [u8; 3]\nwhere\n    F: Fn(u8) -> u8,\n{\n    x\n}\ntrait T { fn b(&self); }\ntype G = fn(u8);\n";
    let found = functions(code);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].lines), ("a", 6));
    assert_eq!(parameters(code, &found[0]), ["x: [u8; 3]", "f: F"]);
}

#[test]
fn a_module_kept_for_tests_in_another_file_is_test_code() {
    let tree = tidy::Tree::of(&[
        (
            "libs/kit/src/lib.rs",
            "#[cfg(test)]\nmod examples;\nfn a() {}\n",
        ),
        ("libs/kit/src/examples.rs", "fn b() {}\n"),
        ("libs/kit/src/clock.rs", "fn c() {}\n"),
    ]);
    let tests: Vec<&str> = tree
        .sources()
        .filter(|source| source.is_test)
        .map(|source| source.path.as_str())
        .collect();
    assert_eq!(tests, ["libs/kit/src/examples.rs"]);
}
