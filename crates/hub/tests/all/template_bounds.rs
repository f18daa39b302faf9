//! Templates that would run endlessly, or take all memory, end quickly in one error.

use std::path::Path;
use std::time::{Duration, Instant};

use pbpo_hub::{Message, Template};

/// The error of a template, with its file, when it is compiled or applied, which comes within 5 seconds.
fn refused(source: &str) -> String {
    let start = Instant::now();
    let message = Message::new("user", "What is the capital of France?\n".repeat(3));
    let rendered = Template::new(source, Path::new("chat_template.jinja"))
        .and_then(|template| template.render(&[message], true, None, None));
    let shown: String = source.chars().take(200).collect();
    let error = rendered.err().unwrap_or_else(|| panic!("it was rendered: {shown}")).to_string();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}: {shown}");
    assert!(error.len() < 2000 && error.starts_with("chat_template.jinja"), "{error}");
    error
}

/// Returns a template that applies the step `times` times to `ns.s` and `ns.t`.
fn steps(times: usize, step: &str, end: &str) -> String {
    format!(
        "{{% set ns = namespace(s='ab', t='ab', x=[1, 2], y=[1, 2]) %}}{{% for i in range({times}) %}}{{% set {step} %}}{{% endfor %}}{end}"
    )
}

#[test]
fn loops_and_recursion_end() {
    let loops = "{% for a in range(99999) %}".repeat(4) + &"{% endfor %}".repeat(4);
    for source in [
        loops.as_str(),
        "{% for a in range(99999) %}{% for b in range(99999) %}a text{% endfor %}{% endfor %}",
        "{% macro a(n) %}{{ b(n) }}{{ b(n) }}{% endmacro %}{% macro b(n) %}{{ a(n) }}{{ a(n) }}{% endmacro %}{{ a(1) }}",
        "{% macro a(n) %}{% if n > 0 %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(30) }}",
        "{% for a in [[[[]]]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{{ range(99999) | map('string') | list | length }}{% for a in range(99999) %}{{ range(99999) | list | length }}{% endfor %}",
        "{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
        "{% for a in range(99999) %}{{ 99998 in range(99999) }}{% endfor %}",
        "{% for a in range(99999) %}{{ ('a' * 100000).count('b') }}{% endfor %}",
        "{% for a in range(99999) %}{{ ('a' * 100000).find('b') }}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{% if s.find('b' ) > 0 %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{% if s == s ~ 'b' %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% set t = 'a' * 9000000 %}{% for a in range(99999) %}{% if s == t %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{% if s.isalpha() %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{% if s.startswith('b') %}{% endif %}{% if s | length %}{% endif %}{% endfor %}{{ raise_exception('') }}",
    ] {
        refused(source);
    }
}

#[test]
fn numbers_make_no_large_texts() {
    for source in [
        "{{ 'a' * 10**9 }}",
        "{{ 10**9 * 'ab' }}",
        "{{ [1] * 10**9 }}",
        "{{ ([1] * 10**8) | list | length }}",
        "{{ (1, 2) * 10**8 }}",
        "{{ 'a\nb' | indent(99999999999) }}",
        "{{ ('a\n' * 100000) | indent(100000) }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '%.999999999f' | format(1.5) }}",
        "{{ '%*d' | format(999999999, 1) }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:999999999d}'.format(1) }}",
        "{{ '{0:.999999999f}'.format(1.5) }}",
        "{{ '{:{}}'.format('a', 999999999) }}",
        "{{ 'a'.center(999999999) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ '1'.zfill(999999999) }}",
        "{{ [1] | batch(99999999999, 'a') | list }}",
        "{{ [1] | slice(99999999999, 'a') | list }}",
        "{{ messages | tojson(indent=99999999999) }}",
        "{{ range(10**12) | list }}",
        "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
        "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
        "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
        "{{ range(99999) | join('x' * 1000000) }}",
        "{{ ('x' * 1000000).join(['a'] * 1000000) }}",
        "{{ ('x' * 1000000).join('a' * 1000000) }}",
        "{% for a in range(1000) %}{% set b = 'x' * 1000000 %}{{ b }}{% endfor %}",
        "{% for a in range(30) %}{{ 'x' * 1000000 }}{% endfor %}",
        "{{ ('x ' * 1000000).split(' ') | list | length }}{{ ('x ' * 1000000).split() }}",
        "{{ ('\n' * 10000000).splitlines() | length }}",
        "{{ 2 ** 999999999 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 1.5 | round(999999999) }}{{ raise_exception('x' * 1000000000) }}",
    ] {
        refused(source);
    }
}

#[test]
fn doubling_ends() {
    let deep = "{{ ns.x }}";
    let sources = [
        steps(60, "ns.s = ns.s ~ ns.s", "{{ ns.s | length }}"),
        steps(60, "ns.s = ns.s + ns.s", "{{ ns.s | length }}"),
        steps(60, "ns.s = ns.s * 2", "{{ ns.s | length }}"),
        steps(60, "ns.s = ns.s.replace('a', 'aa')", "{{ ns.s | length }}"),
        steps(60, "ns.s = [ns.s, ns.s] | join", "{{ ns.s | length }}"),
        steps(60, "ns.s = '%s%s' | format(ns.s, ns.s)", "{{ ns.s | length }}"),
        steps(60, "ns.s = '{0}{0}'.format(ns.s)", "{{ ns.s | length }}"),
        steps(60, "ns.s = [ns.s, ns.s] | string", "{{ ns.s | length }}"),
        steps(60, "ns.s = [ns.s, ns.s] | tojson", "{{ ns.s | length }}"),
        steps(60, "ns.s = [ns.s, ns.s] | pprint", "{{ ns.s | length }}"),
        steps(60, "ns.x = ns.x + ns.x", deep),
        steps(60, "ns.x = (ns.x + ns.x) | list", deep),
        steps(60, "ns.x = [ns.x, ns.x]", deep),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | tojson }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | tojson(sort_keys=true) }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | string | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | pprint | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ',' | join(ns.x) }}{{ ','.join(ns.x) | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | join | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ '%s' | format(ns.x) | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ '{}'.format(ns.x) | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ raise_exception(ns.x) }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ strftime_now(ns.x) }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | upper | length }}"),
        steps(60, "ns.x = [ns.x, ns.x]", "{{ ns.x | trim | length }}"),
        steps(60, "ns.x = {'a': ns.x, 'b': ns.x}", deep),
        steps(60, "ns.x = {'a': ns.x, 'b': ns.x}", "{{ ns.x | tojson }}"),
        steps(60, "ns.x = {'a': ns.x, 'b': ns.x}", "{{ ns.x | dictsort }}"),
        steps(99999, "ns.x = [ns.x]", "{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}"),
    ];
    for source in sources {
        refused(&source);
    }
}

#[test]
fn what_a_template_raises_is_cut() {
    let error =
        Template::new("{{ raise_exception('x' * 10000000) }}", Path::new("t")).unwrap().render(&[], true, None, None);
    assert!(error.unwrap_err().message.len() < 2200);
}

#[test]
fn sources_are_bounded() {
    let many = |text: &str| text.repeat(100_000 / text.len());
    for source in [
        format!("{{{{ {}1 }}}}", many("-")),
        format!("{{{{ {}1 }}}}", many("- ")),
        format!("{{{{ {}1 }}}}", many("not ")),
        format!("{{{{ {} }}}}", many("(")),
        format!("{{{{ {}{} }}}}", many("["), many("]")),
        format!("{{{{ {} }}}}", many("{'a':")),
        format!("{{{{ 1{} }}}}", many("+1")),
        format!("{{{{ 1{} }}}}", many(" ~ 1")),
        format!("{{{{ 2{} }}}}", many("**2")),
        format!("{{{{ a{} }}}}", many(".a")),
        format!("{{{{ a{} }}}}", many("[0]")),
        format!("{{{{ a{} }}}}", many("()")),
        format!("{{{{ a{} }}}}", many("|e")),
        format!("{{{{ a{} }}}}", many(" is a")),
        format!("{{{{ a{} }}}}", many(" and a")),
        format!("{{{{ a{} }}}}", many(" if a else a")),
        format!("{{{{ 1{} }}}}", many("<2")),
        format!("{{% set a = {}1 %}}", many("-")),
        format!("{{%- if {}1 -%}}{{% endif %}}", many("-")),
        many("{% if a %}"),
        many("{% for a in b %}"),
        many("{% macro a() %}"),
        format!("{{% if a %}}{}", many("{% elif a %}")),
        format!("{{% if a %}}{}{{% endif %}}{{{{ raise_exception('') }}}}", many("{% elif a %}")),
        many("{% set a %}"),
        many("{% filter upper %}"),
        format!("{}{{{{ raise_exception('') }}}}", many("{% set a = [a] %}")),
        format!("{}{{{{ a }}}}{{{{ raise_exception('') }}}}", many("{% set a = [a] %}")),
        format!("{}{{{{ a == b }}}}", many("{% set a = [a] %}{% set b = [b] %}")) + "{{ raise_exception('') }}",
        "{{ '".to_owned() + &"a".repeat(300_000) + "' }}",
        "a".repeat(1 << 20),
    ] {
        refused(&source);
    }
}

/// Nested lists are shown and freed by recursion, for which a small stack is not enough.
#[test]
fn deep_lists_take_no_process_down() {
    for (step, show) in
        [("[ns.x]", ""), ("[ns.x]", " | tojson"), ("[ns.x]", " | string | length"), ("{'a': ns.x}", " | tojson")]
    {
        let source = steps(60_000, &format!("ns.x = {step}"), &format!("{{{{ ns.x{show} }}}}"));
        let render = move || Template::new(&source, Path::new("t")).unwrap().render(&[], true, None, None).unwrap();
        let small = std::thread::Builder::new().stack_size(256 * 1024).spawn(render).unwrap();
        assert!(!small.join().unwrap().is_empty());
    }
}
