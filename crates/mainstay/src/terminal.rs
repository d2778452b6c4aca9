pub(crate) mod wrap;

use std::io::IsTerminal;

/// Whether a stream is a terminal that wants colours: `NO_COLOR` with any content (no-color.org) and `TERM=dumb`
/// decline them.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && wanted(|name| std::env::var_os(name))
}

fn wanted(environment: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    let declined = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = environment("TERM").is_some_and(|terminal| terminal == "dumb");
    !declined && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: bool) {
        let found =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        assert_eq!(wanted(found), expected, "{variables:?}");
    }

    #[test]
    fn only_what_is_declined_is_left_out() {
        check(&[], true);
        check(&[("TERM", "xterm-256color"), ("NO_COLOR", "")], true);
        check(&[("NO_COLOR", "1")], false);
        check(&[("TERM", "dumb")], false);
    }
}
