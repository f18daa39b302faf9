//! A page for each diagnostic code: the reason, a bad and a good example. A test compiles the examples.

use crate::code::Code;

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../docs/codes/", $code, ".md")))),*]
    };
}

/// Pages by code, in order.
const PAGES: &[(&str, &str)] = pages![
    "PB0101", "PB0102", "PB0103", "PB0104", "PB0105", "PB0106", "PB0107", "PB0108", "PB0109", "PB0110", "PB0111",
    "PB0201", "PB0202", "PB0203", "PB0204", "PB0205", "PB0206", "PB0207", "PB0208", "PB0209", "PB0210", "PB0211",
    "PB0212", "PB0213", "PB0214", "PB0215", "PB0301", "PB0302", "PB0303", "PB0304", "PB0305", "PB0306", "PB0307",
    "PB0308", "PB0309", "PB0401", "PB0402", "PB0403", "PB0404", "PB0405", "PB0406", "PB0501", "PB0502", "PB0503",
    "PB0504", "PB0505", "PB0506", "PB0507", "PB0508", "PB0509", "PB0601", "PB0602", "PB0603", "PB0604", "PB0605",
    "PB0606", "PB0607", "PB0608", "PB0609", "PB0610", "PB0611", "PB0612", "PB0613", "PB0614", "PB0615", "PB0616",
    "PB0701", "PB0702", "PB0703", "PB0704", "PB0705", "PB0706", "PB0707", "PB0708", "PB0709", "PB0710", "PB0711",
    "PB0712", "PB0713", "PB0714", "PB0901", "PB0902",
];

/// Returns the page of a code.
pub fn page(code: Code) -> Option<&'static str> {
    PAGES.iter().find(|(text, _)| *text == code.text()).map(|(_, page)| *page)
}
