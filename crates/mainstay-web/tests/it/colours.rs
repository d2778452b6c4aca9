use std::collections::BTreeMap;

/// WCAG 2.2, success criterion 1.4.3: text needs 4.5 to 1; 1.4.11: what is needed to understand a picture or a control, 3 to 1.
#[test]
fn every_text_colour_can_be_read_on_every_surface_in_both_themes() {
    let css = include_str!("../../static/tokens.css");
    let (light, dark) = css.split_once("@media").unwrap();
    let light = colours(light);
    let dark = light.clone().into_iter().chain(colours(dark)).collect();
    for (theme, colours) in [("light", light), ("dark", dark)] {
        for surface in ["paper", "raised", "sunken"] {
            for text in [
                "ink",
                "ink-soft",
                "ink-faint",
                "accent",
                "healthy",
                "degraded",
                "down",
                "unknown",
                "maintenance",
                "impending",
            ] {
                check(theme, &colours, text, surface, 4.5);
            }
            check(theme, &colours, "line-strong", surface, 3.0);
        }
        for state in ["healthy", "degraded", "down", "unknown", "maintenance", "impending"] {
            check(theme, &colours, "ink", &format!("{state}-wash"), 4.5);
            check(theme, &colours, state, &format!("{state}-wash"), 4.5);
        }
        check(theme, &colours, "on-accent", "accent", 4.5);
    }
}

#[track_caller]
fn check(theme: &str, colours: &BTreeMap<String, [f64; 3]>, text: &str, surface: &str, least: f64) {
    let (a, b) = (luminance(colours[text]), luminance(colours[surface]));
    let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
    assert!(ratio >= least, "{theme}: --{text} on --{surface} has {ratio:.2}, needs {least}");
}

/// `--name: #rrggbb;` as red, green and blue from 0 to 1.
fn colours(css: &str) -> BTreeMap<String, [f64; 3]> {
    let declarations =
        css.split([';', '{']).filter_map(|part| part.trim().strip_prefix("--")?.split_once(": #"));
    let channel = |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    declarations.map(|(name, hex)| (name.to_owned(), [0, 2, 4].map(|at| channel(hex, at)))).collect()
}

fn luminance(rgb: [f64; 3]) -> f64 {
    let [r, g, b] = rgb.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}
