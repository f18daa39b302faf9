//! Names of grammar rules for users. The match is exhaustive, so that every rule has a decision.

use crate::Rule;

/// Returns the name of a rule in "expected ...", or `None` if naming it never helps.
pub(crate) fn rule(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::expr | Rule::apply | Rule::number | Rule::numeral | Rule::digits | Rule::text => "a value",
        Rule::list | Rule::paren | Rule::bare | Rule::minus | Rule::path => "a value",
        Rule::term | Rule::count => "a value",
        Rule::ident => "a name",
        Rule::plus | Rule::dash | Rule::times | Rule::slash | Rule::infix => "an operator",
        Rule::args | Rule::open_paren => "`(`",
        Rule::close_paren => "`)`",
        Rule::open_bracket => "`[`",
        Rule::close_bracket => "`]`",
        Rule::body | Rule::open_brace => "`{`",
        Rule::close_brace => "`}`",
        Rule::equals => "`=`",
        Rule::append => "`+=`",
        Rule::colon => "`:`",
        Rule::dots => "`..`",
        Rule::range => "a range",
        Rule::kw_in => "`in`",
        Rule::kw_on => "`on`",
        Rule::within | Rule::kw_within => "`within`",
        Rule::repeat | Rule::climb | Rule::bare_call | Rule::assign | Rule::stmt => "a statement",
        Rule::param | Rule::block | Rule::header | Rule::top => "a declaration",
        Rule::import | Rule::lint | Rule::extern_ | Rule::objective | Rule::pipeline => "a declaration",
        Rule::variant | Rule::sweep | Rule::declaration => "a declaration",
        Rule::kw_use | Rule::kw_allow | Rule::kw_warn | Rule::kw_deny | Rule::kw_extern => "a declaration",
        Rule::kw_objective | Rule::kw_pipeline | Rule::kw_variant | Rule::kw_sweep => "a declaration",
        Rule::kw_as => "`as`",
        Rule::kw_of => "`of`",
        Rule::kw_zip | Rule::zip => "`zip`",
        Rule::kw_where | Rule::filter => "`where`",
        Rule::names | Rule::settings | Rule::sweep_body => "`{`",
        Rule::name => "a name",
        Rule::module => "a module",
        Rule::axis | Rule::setting => "`path = value` or `path in [...]`",
        Rule::signature => "`(`",
        Rule::formal => "`name: type`",
        Rule::kind | Rule::result => "a type",
        Rule::arrow => "`->`",
        Rule::unit_of_kind => "a unit",
        Rule::primary => "a value",
        Rule::kw_repeat | Rule::kw_ascend | Rule::kw_descend => "a statement",
        Rule::kw_param | Rule::kw_pbpo => "a declaration",
        Rule::version => "a version",
        Rule::unit => "a unit",
        Rule::over | Rule::kw_over => "`over`",
        Rule::EOI => "the end of the line",
        Rule::WHITESPACE
        | Rule::file
        | Rule::bom
        | Rule::entry
        | Rule::top_head
        | Rule::kind_word
        | Rule::foreign_assign
        | Rule::semicolon
        | Rule::late
        | Rule::untyped
        | Rule::tuple
        | Rule::stmt_end
        | Rule::arg
        | Rule::arg_rest
        | Rule::named
        | Rule::item
        | Rule::suffix
        | Rule::text_inner
        | Rule::line_mark
        | Rule::stmt_mark
        | Rule::term_mark
        | Rule::infix_mark
        | Rule::suffix_mark
        | Rule::word_mark
        | Rule::open_mark
        | Rule::end_mark
        | Rule::comment_mark
        | Rule::args_end
        | Rule::word
        | Rule::comma
        | Rule::comparison
        | Rule::kw_and
        | Rule::kw_or
        | Rule::kw_not
        | Rule::star
        | Rule::names_junk
        | Rule::not_ascii
        | Rule::power
        | Rule::foreign_quote
        | Rule::foreign_inner
        | Rule::foreign_letter
        | Rule::formal_or_junk
        | Rule::settings_entry
        | Rule::sweep_entry
        | Rule::zip_entry
        | Rule::setting_only
        | Rule::id_start
        | Rule::id_char
        | Rule::gap
        | Rule::wrap
        | Rule::doc
        | Rule::comment
        | Rule::any_comment
        | Rule::doc_at_end
        | Rule::hash_comment
        | Rule::rest_of_line
        | Rule::junk
        | Rule::junk_tail
        | Rule::quoted
        | Rule::junk_text
        | Rule::junk_arg
        | Rule::junk_arg_text
        | Rule::stray_close
        | Rule::missing_brace
        | Rule::missing_paren
        | Rule::missing_bracket
        | Rule::missing_quote
        | Rule::missing_value
        | Rule::stmt_only
        | Rule::item_only
        | Rule::param_only
        | Rule::expr_only
        | Rule::strict_end => return None,
    })
}
