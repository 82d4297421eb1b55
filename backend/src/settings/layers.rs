use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use forebay_contract::SECRET_MIN_CHARS;

use super::{Effective, Settings, Unusable, complaint, file::FileSettings};

impl Settings {
    /// Of the program's arguments, its environment and the file that either names.
    pub fn of_process() -> Result<(Self, Effective), Unusable> {
        read(&std::env::args_os().collect::<Vec<_>>(), &|name| std::env::var_os(name))
    }
}

/// Where a setting was looked for: what complaints and the printed settings name.
pub(super) struct Layers<'a> {
    pub(super) arguments: &'a [OsString],
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub(super) file: &'a FileSettings,
}

/// Reads all layers. What the file says becomes clap's defaults: so flags and variables win, and every value is read by
/// one parser wherever it came from.
pub(super) fn read(
    arguments: &[OsString],
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Settings, Effective), Unusable> {
    let file = match config_file(arguments, variable) {
        Some(path) => FileSettings::read(&path, &Settings::command())?,
        None => FileSettings::default(),
    };
    let layers = Layers { arguments, variable, file: &file };
    let command = with_defaults(Settings::command(), &layers);
    let parse = || -> Result<(ArgMatches, Settings), clap::Error> {
        let mut matches = command.clone().try_get_matches_from(arguments)?;
        let found = matches.clone();
        Ok((found, Settings::from_arg_matches_mut(&mut matches)?))
    };
    let (matches, settings) = parse().map_err(|error| complaint::of(error, &command, &layers))?;
    if let Some(words) = wrong_secret(&settings) {
        return Err(Unusable::Setting(words));
    }
    let effective = Effective::of(&command, &matches, &layers);
    Ok((settings, effective))
}

/// What is wrong with the secret of reports. clap's own complaints would show what was found.
fn wrong_secret(settings: &Settings) -> Option<String> {
    let found = match &settings.report_secret {
        None if settings.edge_url.is_none() || settings.report_secret_id.is_some() => return None,
        None => "nothing".to_owned(),
        Some(secret) => match secret.chars().count() {
            SECRET_MIN_CHARS.. => return None,
            chars => format!("{chars} characters"),
        },
    };
    Some(format!(
        "report_secret: found {found}; allowed with edge_url is a secret of {SECRET_MIN_CHARS} characters and more, which \
         the edge knows as REPORT_SECRET, or the name of one in Secrets Manager as report_secret_id"
    ))
}

/// Variables are given to clap as defaults too: so that tests need not touch the process's own, an empty one counts as
/// none, and the same precedence holds.
fn with_defaults(command: Command, layers: &Layers<'_>) -> Command {
    let names: Vec<clap::Id> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
    names.into_iter().fold(command, |command, id| {
        command.mut_arg(&id, |argument| {
            let variable = argument.get_env().and_then(|name| name.to_str()).map(str::to_owned);
            let from_variable = variable.and_then(|name| (layers.variable)(&name)).filter(|value| !value.is_empty());
            let value = from_variable.or_else(|| layers.file.get(id.as_str()).map(OsString::from));
            // clap would read the process's environment again.
            let argument = argument.env(None::<&'static str>);
            match value {
                Some(value) => argument.required(false).default_value(value),
                None => argument,
            }
        })
    })
}

fn config_file(arguments: &[OsString], variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let mut given = arguments.iter().skip(1);
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        if text == "--config" {
            return given.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    variable("FOREBAY_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush";
    const BASE: &str = "queue_url_prefix = \"http://q/forebay\"\nbucket = \"b\"\n";

    struct World {
        path: PathBuf,
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    impl World {
        fn new(text: &str) -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("forebay-settings-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).unwrap();
            Self { path }
        }

        fn read(&self, flags: &[&str], variables: &[(&str, &str)]) -> Result<(Settings, Effective), String> {
            let path = self.path.display().to_string();
            let given =
                ["forebay-worker", "--config", &path].iter().chain(flags).map(OsString::from).collect::<Vec<_>>();
            let variable =
                |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value));
            read(&given, &variable).map_err(|error| error.to_string())
        }

        fn complaint(&self, flags: &[&str], variables: &[(&str, &str)]) -> String {
            let path = self.path.display().to_string();
            self.read(flags, variables).unwrap_err().replace(&path, "FILE")
        }
    }

    #[test]
    fn flags_win_over_variables_over_the_file_over_defaults() {
        let world = World::new(&format!("{BASE}lease_s = 40\nprefetch = 50\ncpu_threads = 6\n"));
        let (settings, _) = world
            .read(
                &["--lease-s", "42"],
                &[("FOREBAY_LEASE_S", "41"), ("FOREBAY_PREFETCH", "51"), ("FOREBAY_BUCKET", "")],
            )
            .unwrap();
        assert_eq!((settings.visibility_s, settings.prefetch, settings.cpu_threads), (42, Some(51), Some(6)));
        assert_eq!((settings.bucket.as_str(), settings.test_engine_delay_ms), ("b", 0));
    }

    #[test]
    fn a_wrong_setting_is_named_with_where_it_stands() {
        let fine = World::new(BASE);
        for (world, flags, variables, expect) in [
            (
                &World::new(&format!("{BASE}lease_s = 2\n")),
                &[][..],
                &[][..],
                "lease_s in FILE: found 2; allowed is a whole number from 3 to 43200",
            ),
            (
                &fine,
                &[],
                &[("FOREBAY_LEASE_S", "soon")],
                "FOREBAY_LEASE_S: found soon; allowed is a whole number from 3 to 43200",
            ),
            (
                &fine,
                &["--lease-s", "1"],
                &[("FOREBAY_LEASE_S", "soon")],
                "--lease-s: found 1; allowed is a whole number from 3 to 43200",
            ),
            (
                &World::new(&format!("{BASE}lanes = \"Acme\"\n")),
                &[],
                &[],
                "lanes in FILE: found Acme; allowed is NAME=WEIGHT,… of 1 to 20 lanes, each once",
            ),
            (
                &World::new("lease_s = 4\n"),
                &[],
                &[],
                "bucket: found nothing; set --bucket, FOREBAY_BUCKET or bucket in a file",
            ),
            (&World::new("lease = 3\n"), &[], &[], "lease in FILE: no such setting; there are bucket, cpu_threads,"),
            (&World::new("lease_s = [3]\n"), &[], &[], "lease_s in FILE: found a list or table; allowed is "),
            (&World::new("lease_s = \n"), &[], &[], "FILE: line 1"),
        ] {
            let found = world.complaint(flags, variables);
            assert!(found.starts_with(expect), "{found}");
        }
        let missing = read(&["w".into(), "--config=/nowhere".into()], &|_| None).unwrap_err().to_string();
        assert!(missing.starts_with("config: found /nowhere"), "{missing}");
    }

    #[test]
    fn what_is_printed_is_a_file_without_secrets_that_says_the_same() {
        let world = World::new(&format!("{BASE}lease_s = 40\nreport_secret = \"{SECRET}\"\nedge_url = \"http://e\"\n"));
        let variables = [("FOREBAY_PREFETCH", "51"), ("FOREBAY_LANES", "acme, beta=2")];
        let (settings, effective) = world.read(&["--worker-name", "w"], &variables).unwrap();
        let printed = effective.to_string();
        assert!(!printed.contains("hush"), "{printed}");
        for line in [
            "lease_s = 40  # ",
            "prefetch = 51  # FOREBAY_PREFETCH",
            "worker_name = \"w\"  # --worker-name",
            "lanes = \"acme, beta=2\"  # FOREBAY_LANES",
            "test_engine_delay_ms = 0  # default",
            "# cpu_threads is not set",
            "# report_secret is set and not shown",
        ] {
            assert!(printed.contains(line), "{line}\n{printed}");
        }
        let (again, _) = World::new(&printed).read(&["--report-secret", SECRET], &[]).unwrap();
        assert_eq!(
            (again.visibility_s, again.prefetch, again.bucket, again.lanes),
            (settings.visibility_s, settings.prefetch, settings.bucket, settings.lanes)
        );
    }
}
