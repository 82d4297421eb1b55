//! `forebay account export`

use std::{
    fs,
    io::{Write as _, stderr},
    path::Path,
};

use forebay::{Client, Error, Job, JobQuery, JobStatus, Method};
use serde_json::{Value, json};

use super::{
    super::pages::LARGEST,
    ExportArguments,
    exported::{Exported, Lines},
};
use crate::{failure::Failure, inputs::shown::shown, sink};

/// How many pages are told of in one line.
const TOLD: u64 = 10;

pub(super) async fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    let ExportArguments { folder, common } = arguments;
    let client = common.connection.client()?;
    let quota = client.quota().await?;
    fs::create_dir_all(folder).map_err(|error| Failure::File(format!("{}: {error}", shown(folder))))?;
    let mut exported = Exported::read(folder, &quota.value.account)?;
    jobs(&client, folder, &mut exported).await?;
    let webhooks = client.call(Method::GET, "/v1/webhooks".to_owned(), None).await?;
    for (name, value) in
        [("quota.json", quota.json), ("usage.json", client.usage(None, None).await?.json), ("webhooks.json", webhooks)]
    {
        sink::write(&folder.join(name), format!("{value}\n").as_bytes())?;
    }
    Exported::done(folder)?;
    let Exported { jobs, results, .. } = exported;
    common.write(&json!({ "jobs": jobs, "results": results, "folder": folder }), || {
        format!("{jobs} jobs and {results} results are in {}\n", shown(folder))
    })
}

/// Page after page, each with its results, before the next is asked for: memory holds one page and one result.
async fn jobs(client: &Client, folder: &Path, exported: &mut Exported) -> Result<(), Failure> {
    let mut lines = Lines::open(folder, exported.bytes)?;
    for number in 1.. {
        let query = JobQuery { limit: Some(LARGEST), cursor: exported.cursor.clone(), ..JobQuery::default() };
        let page = client.jobs(&query).await?;
        let mut results = 0;
        for job in &page.value.jobs {
            results += u64::from(result(client, folder, job).await?);
        }
        let rows: Vec<Value> = page.json.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
        exported.bytes = lines.add(&rows.iter().map(|job| format!("{job}\n")).collect::<String>())?;
        exported.jobs += rows.len() as u64;
        exported.results += results;
        let next = page.value.cursor.filter(|next| Some(next) != exported.cursor.as_ref());
        let Some(next) = next else { break };
        exported.cursor = Some(next);
        exported.write(folder)?;
        if number % TOLD == 0 {
            writeln!(stderr(), "{} jobs, {} results", exported.jobs, exported.results)?;
        }
    }
    exported.write(folder)
}

/// Writes a job's result; whether there was one. What is gone by now is no failure.
async fn result(client: &Client, folder: &Path, job: &Job) -> Result<bool, Failure> {
    if job.status != JobStatus::Succeeded {
        return Ok(false);
    }
    match client.result(&job.id).await {
        Ok(result) => {
            let name = format!("{}.{}", job.id, sink::extension(&result.media_type));
            sink::write(&folder.join("results").join(name), &result.bytes)?;
            Ok(true)
        }
        Err(Error::Refused(problem)) if matches!(problem.status, 404 | 410) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
