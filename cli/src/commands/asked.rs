use clap::Args;
use forebay::Submission;
use serde_json::Value;

use crate::{
    batch::{self, Spans},
    failure::Failure,
    inputs::parameter,
    span,
};

/// What is asked for with each input.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is asked for")]
pub(crate) struct AskedArguments {
    /// A model or a task; `forebay models` lists them
    #[arg(value_name = "MODEL", help_heading = None::<&'static str>)]
    pub(crate) model: String,

    /// A parameter of the model; what reads as JSON is that, everything else is a text. May be given again
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE", value_parser = parameter::parse)]
    pub(crate) parameters: Vec<(String, Value)>,

    /// By this version of the model alone
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_version: Option<String>,

    /// Rather refused than answered by something else than was asked for
    #[arg(long)]
    pub(crate) strict: bool,

    /// Run, although the same may have been answered before
    #[arg(long)]
    pub(crate) fresh: bool,

    /// Worth nothing after this long, such as 10m, from when this command first began
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(crate) deadline: Option<u64>,

    /// Not to begin before this long, such as 1h, from when this command first began
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(crate) not_before: Option<u64>,
}

impl AskedArguments {
    /// What counts from when the command first began.
    pub(crate) fn spans(&self) -> Spans {
        Spans { deadline_s: self.deadline, not_before_s: self.not_before }
    }

    /// A submission that lacks its input and its moments.
    pub(crate) fn template(&self) -> Result<Submission, Failure> {
        let mut template = Submission::new(&self.model)
            .parameters(parameter::all(&self.parameters).map_err(Failure::Usage)?)
            .version(self.model_version.clone());
        if self.strict {
            template = template.strict();
        }
        if self.fresh {
            template = template.fresh();
        }
        Ok(template)
    }

    /// What it is, whenever it is asked: a journal is for one of these.
    pub(crate) fn identity(&self) -> Result<String, Failure> {
        let parameters = Value::Object(parameter::all(&self.parameters).map_err(Failure::Usage)?).to_string();
        let version = self.model_version.as_deref().unwrap_or_default();
        let wishes = format!("strict={} fresh={}", self.strict, self.fresh);
        Ok(batch::request(&[&self.model, version, &parameters, &wishes]))
    }
}
