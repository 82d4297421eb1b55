use std::fmt;

/// What the AWS command line said when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AwsError {
    /// The service's word for it, such as `ExpiredToken`; empty where the command line itself failed.
    pub(super) code: String,
    /// The operation, as people write it; empty likewise.
    pub(super) operation: String,
    pub(super) message: String,
}

impl AwsError {
    /// Reads what was written to standard error.
    pub(super) fn parse(said: &str) -> Self {
        let said = said.trim();
        // An error occurred (CODE) when calling the OPERATION operation (reached max retries: 4): MESSAGE
        let parsed = said.rsplit_once("An error occurred (").and_then(|(_, rest)| {
            let (code, rest) = rest.split_once(") when calling the ")?;
            let (operation, rest) = rest.split_once(" operation")?;
            let retried =
                rest.split_once("retries: ").filter(|_| rest.starts_with(" (reached max ")).map(|(_, rest)| rest);
            let message = retried.unwrap_or(rest).split_once(": ").map_or(rest, |(_, message)| message);
            Some((code.to_owned(), operation.to_owned(), message.trim().to_owned()))
        });
        let (code, operation, message) = parsed.unwrap_or_else(|| (String::new(), String::new(), said.to_owned()));
        Self { code, operation, message }
    }

    /// Whether the service knows no such thing.
    pub(super) fn is_absent(&self) -> bool {
        let codes = ["404", "NoSuchKey", "NoSuchBucket", "NotFound", "ResourceNotFoundException", "NoSuchEntity"];
        codes.contains(&self.code.as_str())
            || (self.code == "ValidationError" && self.message.contains("does not exist"))
            || self.code == "ChangeSetNotFound"
    }

    /// Whether somebody else was first.
    pub(super) fn is_lost_race(&self) -> bool {
        ["PreconditionFailed", "ConditionalRequestConflict", "412", "409"].contains(&self.code.as_str())
    }

    /// What the operator should do, where that is not in the message itself.
    fn advice(&self) -> Option<&'static str> {
        const EXPIRED: [&str; 5] = [
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "TokenRefreshRequired",
            "InvalidGrantException",
        ];
        const WRONG: [&str; 6] = [
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AuthFailure",
            "InvalidToken",
        ];
        const DENIED: [&str; 5] =
            ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"];
        const BUSY: [&str; 4] = ["Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"];
        let code = self.code.as_str();
        let says = |part: &str| self.message.contains(part);
        let is_expired = EXPIRED.contains(&code)
            || says("SSO session associated with this profile has expired")
            || says("Error loading SSO Token")
            || says("Token has expired");
        Some(match () {
            () if is_expired => {
                "the credentials have expired: get new ones (aws sso login, or your broker), then run the same command \
                 again; it goes on where it stopped"
            }
            () if says("Unable to locate credentials") || says("NoCredentials") => {
                "no credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of the \
                 account in the settings"
            }
            () if WRONG.contains(&code) => {
                "AWS does not know these credentials: look at AWS_PROFILE and AWS_ACCESS_KEY_ID"
            }
            () if DENIED.contains(&code) => {
                "the credentials may not do this: allow it to them, then run the same command again"
            }
            () if BUSY.contains(&code) => "AWS asks for less at once: wait a minute, then run the same command again",
            () if says("Could not connect to the endpoint URL") || says("Connect timeout") || says("Read timeout") => {
                "AWS was not reached: look at the network and at the region in the settings, then run the command again"
            }
            () if says("config profile") && says("could not be found") => {
                "AWS_PROFILE names a profile that is not there"
            }
            () => return None,
        })
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(f, "aws: {}", self.message)?,
            code => write!(f, "AWS {}: {code}: {}", self.operation, self.message)?,
        }
        match self.advice() {
            Some(advice) => write!(f, "\n  what to do: {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_are_read_and_told_what_to_do_about() {
        let service = |code: &str, message: &str| {
            format!("\nAn error occurred ({code}) when calling the GetCallerIdentity operation: {message}\n")
        };
        for (said, code, advice) in [
            (
                service("ExpiredToken", "The security token included in the request is expired"),
                "ExpiredToken",
                "have expired",
            ),
            (service("ExpiredTokenException", "expired"), "ExpiredTokenException", "have expired"),
            (service("RequestExpired", "Request has expired."), "RequestExpired", "have expired"),
            (
                "The SSO session associated with this profile has expired or is otherwise invalid.".to_owned(),
                "",
                "have expired",
            ),
            ("Unable to locate credentials. You can configure credentials".to_owned(), "", "no credentials were found"),
            (service("InvalidClientTokenId", "invalid"), "InvalidClientTokenId", "does not know these"),
            (service("AccessDenied", "not authorized to perform: x"), "AccessDenied", "may not do this"),
            (service("ThrottlingException", "Rate exceeded"), "ThrottlingException", "less at once"),
            ("Could not connect to the endpoint URL: \"https://x\"".to_owned(), "", "was not reached"),
            ("The config profile (x) could not be found".to_owned(), "", "AWS_PROFILE names"),
        ] {
            let error = AwsError::parse(&said);
            assert_eq!(error.code, code, "{said}");
            assert!(error.to_string().contains(advice), "{error}");
        }
    }

    #[test]
    fn what_is_not_there_and_who_was_first_are_told_apart() {
        let parse = |code: &str, message: &str| {
            AwsError::parse(&format!(
                "An error occurred ({code}) when calling the X operation (reached max retries: 4): {message}"
            ))
        };
        for (code, message) in [
            ("404", "Not Found"),
            ("ValidationError", "Stack with id p-network does not exist"),
            ("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
            ("NoSuchEntity", "The user with name x cannot be found."),
        ] {
            assert!(parse(code, message).is_absent() && !parse(code, message).is_lost_race(), "{code}");
            assert_eq!(parse(code, message).message, message);
        }
        assert!(parse("PreconditionFailed", "At least one").is_lost_race());
        assert!(!parse("ValidationError", "Template format error").is_absent());
    }
}
