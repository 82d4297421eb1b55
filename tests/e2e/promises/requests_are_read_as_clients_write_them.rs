//! Requests are read as clients write them: charsets and media types by their other names, byte order marks, base64 in all
//! its forms. The same input written in another way is the same job; what cannot be read is refused in words that say why.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, text},
    stack::{Hall, fixture},
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub fn check(hall: &Hall) -> Result<()> {
    // Nothing runs here: what is asked for again is joined, or foretold to be.
    let client = hall.idle()?.new_client("as-clients-write", "pro")?;
    json_by_other_names(&client)?;
    pictures_by_other_names(&client)?;
    base64_in_all_its_forms(&client)?;
    texts_at_the_door(&client)?;
    bare_plans(&client)
}

fn json_by_other_names(client: &Client) -> Result<()> {
    let body = json!({"model": "dcgan-faces", "parameters": {"seed": 77}}).to_string().into_bytes();
    let marked = [BYTE_ORDER_MARK, &body].concat();
    let plan = |content_type: &str, body: &[u8]| {
        let headers = [("content-type", content_type)];
        client.send(&Request { method: "POST", path: "/v1/plan", headers: &headers, body: Some(body) })
    };
    let expect = digest(&plan("application/json", &body)?.expect(200)?.json()?)?;
    for content_type in
        ["application/json; charset=utf8", "application/json;charset=\"UTF-8\"", "Application/JSON; Charset=Utf8"]
    {
        for body in [&body, &marked] {
            let found = digest(&plan(content_type, body)?.expect(200)?.json()?)?;
            ensure!(found == expect, "{content_type}: {found}");
        }
    }
    let refused = plan("application/json; charset=iso-8859-1", &body)?.expect_problem(415, "unsupported-media-type")?;
    ensure!(text(&refused, "detail")?.contains("`iso-8859-1` is not read: send UTF-8"), "{refused}");
    Ok(())
}

fn pictures_by_other_names(client: &Client) -> Result<()> {
    let cat = fixture("chelsea.png")?;
    let expect = client.submit_bare("efficientnet-lite0", "image/png", &cat)?.expect(202)?.json()?;
    let same = client.submit_bare("efficientnet-lite0", "image/x-png", &cat)?.expect(202)?.json()?;
    ensure!(same["id"] == expect["id"], "{same}");
    // What they mean is a JPEG, which this is not.
    for content_type in ["image/jpg", "image/pjpeg"] {
        let refused = client.submit_bare("efficientnet-lite0", content_type, &cat)?;
        refused.expect_problem(422, "image-unrecognized")?;
    }
    Ok(())
}

fn base64_in_all_its_forms(client: &Client) -> Result<()> {
    let plain = STANDARD.encode(fixture("chelsea.png")?);
    let plan = |image: &str| json!({"model": "efficientnet-lite0", "input": {"image": image}});
    let expect = digest(&client.foretold(&plan(&plain))?)?;
    let lines = plain.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
    let lines = lines.collect::<Vec<_>>().join("\r\n");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    for (what, image) in [
        ("a data URI", format!("data:image/png;base64,{plain}")),
        ("lines", lines),
        ("a newline at the end", format!("{plain}\n")),
        ("the alphabet of URLs", url_safe.clone()),
        ("no padding", plain.trim_end_matches('=').to_owned()),
        ("all of it", format!("data:image/png;base64,{}\n", url_safe.trim_end_matches('='))),
    ] {
        let found = digest(&client.foretold(&plan(&image))?).context(what)?;
        ensure!(found == expect, "{what}: another input");
    }
    for (image, why) in [
        ("iVBORw0KGgo AAAA".to_owned(), "holds a space"),
        (format!("{}+-", &plain[..400]), "mixes the two alphabets"),
        (plain[..401].to_owned(), "was cut"),
        ("chelsea.png".to_owned(), "a `.` at character 8"),
        ("data:image/png,rawbytes".to_owned(), "a data URI that is not base64"),
    ] {
        let refused = client.submit(&plan(&image))?.expect_problem(422, "invalid-field")?;
        ensure!(text(&refused, "detail")?.contains(why), "expected «{why}»: {refused}");
    }
    Ok(())
}

fn texts_at_the_door(client: &Client) -> Result<()> {
    let embed = |text: &str| client.submit(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}}));
    let blank = embed(" \n\t\u{a0}")?.expect_problem(422, "input-invalid")?;
    ensure!(text(&blank, "detail")?.contains("blank"), "{blank}");
    client.submit_bare("all-minilm-l6-v2", "text/plain", b"  \r\n")?.expect_problem(422, "input-invalid")?;
    let long = embed(&"a ".repeat(10_001))?.expect_problem(413, "body-too-large")?;
    ensure!(text(&long, "detail")?.contains("20002 characters; all-minilm-l6-v2 takes at most 20000"), "{long}");
    // Characters are counted, not bytes.
    embed(&"é".repeat(20_000))?.expect(202)?;

    let marked = [BYTE_ORDER_MARK, b"A gate in the dam."].concat();
    let one = client.submit_bare("all-minilm-l6-v2", "text/plain", &marked)?.expect(202)?.json()?;
    let other = embed("A gate in the dam.")?.expect(202)?.json()?;
    ensure!(one["id"] == other["id"], "{one} {other}");
    Ok(())
}

/// A bare dry run takes what a bare submission takes, and tells what the other dry run does.
fn bare_plans(client: &Client) -> Result<()> {
    let plan = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        client.send(&Request { method: "POST", path, headers, body: Some(body) })
    };
    let cat = fixture("chelsea.png")?;
    let open = client.used("in-flight")?;
    let path = "/v1/models/efficientnet-lite0/plan?p.top_k=3";
    let headers = [("content-type", "image/png"), ("x-model-version", "1"), ("prefer", "handling=strict")];
    let bare = plan(path, &headers, &cat)?.expect(200)?.json()?;
    let image = STANDARD.encode(&cat);
    let whole = json!({"model": "efficientnet-lite0", "input": {"image": image}, "parameters": {"top_k": 3}});
    let whole = client.foretold(&whole)?;
    for member in ["decision", "model", "lane", "cost_ms", "digest"] {
        ensure!(bare[member] == whole[member], "{member}: {bare} {whole}");
    }
    ensure!(bare["decision"] == "accept" && bare["version"] == "1", "{bare}");
    ensure!(client.used("in-flight")? == open, "a dry run was counted");

    // As large as a submission may be, which base64 in JSON may not.
    let mut large = cat;
    large.resize(9_900_000, 0);
    plan(path, &headers, &large)?.expect(200)?;
    plan("/v1/models/gpt-9/plan", &headers, b"x")?.expect_problem(404, "model-not-found")?;
    plan("/v1/models/efficientnet-lite0/plan?top_k=3", &headers, b"x")?.expect_problem(400, "invalid-query")?;
    plan("/v1/models/efficientnet-lite0/plan", &[("content-type", "image/avif")], b"x")?
        .expect_problem(415, "unsupported-media-type")?;
    Ok(())
}

fn digest(plan: &Value) -> Result<String> {
    Ok(text(plan, "digest")?.to_owned())
}
