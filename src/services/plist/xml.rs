//! The XML of a plist, as the library behind [`super::parse`] needs it: that one drops CDATA sections and entities which it does
//! not know, without a word, so that a command or a password would be read as an empty text.
//!
//! What must hold: no line is added or taken away, so that places in errors are those of the file.

use std::borrow::Cow;

/// The entities that XML defines by itself.
const ENTITIES: [&str; 5] = ["amp", "lt", "gt", "quot", "apos"];

/// `bytes` with each CDATA section as escaped text. `Err` names a `&` that begins no entity, or one that nobody defines.
pub(super) fn plain(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    // another encoding is the library's to read or to refuse
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Cow::Borrowed(bytes)) };
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(found) = rest.find(['&', '<'])
    {
        let here = at + found;
        let rest = text.get(here..).unwrap_or_default();
        if let Some(inner) = rest.strip_prefix("<![CDATA[") {
            // one without an end is an error of the library's
            let Some((inner, _)) = inner.split_once("]]>") else { break };
            out.push_str(text.get(copied..here).unwrap_or_default());
            out.push_str(&inner.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
            at = here + "<![CDATA[".len() + inner.len() + "]]>".len();
            copied = at;
        } else if rest.starts_with("<!--") {
            at = here + rest.find("-->").unwrap_or(rest.len());
        } else if rest.starts_with('&') {
            entity(rest).map_err(|why| format!("line {} has {why}", line_at(text, here)))?;
            at = here + 1;
        } else {
            at = here + 1;
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(bytes));
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(Cow::Owned(out.into_bytes()))
}

/// From 1.
fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Whether what begins with `&` is an entity that is known.
fn entity(text: &str) -> Result<(), String> {
    let name = text.strip_prefix('&').and_then(|rest| rest.split_once(';')).map(|(name, _)| name);
    let is_name = |name: &&str| {
        let bare = name.strip_prefix('#').unwrap_or(name);
        !bare.is_empty() && bare.len() <= 32 && bare.chars().all(|c| c.is_ascii_alphanumeric())
    };
    match name.filter(is_name) {
        None => Err("a raw `&`, which XML writes as `&amp;`".to_owned()),
        Some(name) if name.starts_with('#') || ENTITIES.contains(&name) => Ok(()),
        Some(name) => Err(format!("the entity `&{name};`, which no plist defines; write the character itself")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_become_text_and_everything_else_stays() {
        for (text, expected) in [
            ("<a>x &amp; y &#38; z</a>", "<a>x &amp; y &#38; z</a>"),
            ("<a><![CDATA[x && <y>\n> z]]></a>", "<a>x &amp;&amp; &lt;y&gt;\n&gt; z</a>"),
            ("<a>1<![CDATA[2]]>3<![CDATA[]]><![CDATA[4]]></a>", "<a>1234</a>"),
            ("<!-- <![CDATA[ && ]]> --><a>ค่า<![CDATA[é&]]></a>", "<!-- <![CDATA[ && ]]> --><a>ค่าé&amp;</a>"),
            ("<a><![CDATA[no end", "<a><![CDATA[no end"),
            ("<!-- no end & ", "<!-- no end & "),
            ("", ""),
        ] {
            let plain = plain(text.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(&plain).unwrap(), expected, "{text}");
        }
        assert_eq!(&*plain(b"\xff<![CDATA[x]]>").unwrap(), b"\xff<![CDATA[x]]>");
    }

    #[test]
    fn what_is_no_entity_is_named_where_it_is() {
        for (text, why) in [
            ("<!-- a && b -->\n<![CDATA[ x && y ]]>\n&x", "line 3 has a raw `&`"),
            ("x\ny && z;", "line 2 has a raw `&`"),
            ("cd /x && node y; z", "line 1 has a raw `&`"),
            ("<a>\n&company;</a>", "line 2 has the entity `&company;`"),
            ("&nbsp;", "`&nbsp;`"),
        ] {
            let error = plain(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
