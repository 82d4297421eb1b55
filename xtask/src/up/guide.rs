use anyhow::Result;

use super::{demonstration::PICTURE, parts::Parts, state::State};
use crate::{build::CLI, console::Console, repository::Repository};

/// Says what runs where, where the logs lie, and how to try it by hand.
pub(super) fn print(repository: &Repository, console: Console, state: &State, parts: &mut Parts) -> Result<()> {
    let origin = parts.edge.origin();
    let key = parts.key.reveal().to_owned();
    console.heading("What runs");
    let log = |name: &str| repository.shown(&state.log(name));
    let rows = [
        ("edge", origin.clone(), parts.edge.group().id(), log("edge")),
        (
            "worker",
            format!("{} → {}", parts.deployment.queue_url_prefix, parts.deployment.bucket),
            parts.worker.group().id(),
            log("worker-1"),
        ),
        ("localstack", parts.localstack.endpoint().to_owned(), parts.localstack.group().id(), log("localstack")),
    ];
    for (part, place, process, log) in rows {
        console.line(format!("{part:<11} {place}\n            process {process}, log {log}"));
    }
    console.heading("Try it");
    console.line(format!(
        "export FOREBAY_KEY={key}\n\
         curl -s {origin}/v1/models -H \"Authorization: Bearer $FOREBAY_KEY\"\n\
         curl -s '{origin}/v1/models/efficientnet-lite0/jobs?p.top_k=3' -H \"Authorization: Bearer $FOREBAY_KEY\" \\\n  \
         -H 'Content-Type: image/png' -H 'Prefer: wait=30' --data-binary @{PICTURE}\n\
         curl -s {origin}/v1/jobs -H \"Authorization: Bearer $FOREBAY_KEY\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"model\":\"dcgan-faces\",\"parameters\":{{\"seed\":7,\"count\":16}}}}'\n\
         curl -s RESULT_URL -H \"Authorization: Bearer $FOREBAY_KEY\" -o faces.png   # result_url of the answer above"
    ));
    console.line(format!("or look: {origin}/console, with the key above"));
    console.line(console.paint("2", "The key is for this run alone; only its hash is stored."));
    console.heading("Keys of your own");
    let (forebay, token) = (repository.shown(&CLI.path(repository)?), repository.shown(&state.admin_token()));
    console.line(format!(
        "export FOREBAY_URL={origin}\n\
         {forebay} keys create --account acme --plan free --admin-token-file {token}\n\
         {forebay} keys --help"
    ));
    Ok(())
}
