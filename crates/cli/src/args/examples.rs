//! Examples at the end of help texts. Invariant: a test takes each of them from the help, as a person
//! would, and runs it.

/// How a command line ends.
macro_rules! statuses {
    () => {
        "Exit status:
  0  done; also where a query finds nothing
  1  something failed or was left out: no store, no such trace, damage found
  2  the command line or the query is wrong, and nothing was done
  130  stopped by Ctrl-C; query, tags and values show what they found until then"
    };
}

/// Of `treering -h`.
pub(crate) const TREERING: &str = "\
Examples:
  treering demo --spans 2000
  treering ingest traces.jsonl.gz more.pb.zst
  treering query '{ status = error && duration > 100ms }' --since 2h
  treering shell

`treering help query` says more about `query`.";

/// Of `treering --help`.
pub(crate) const TREERING_LONG: &str = concat!(
    "\
Examples:
  treering demo --spans 2000
  treering ingest traces.jsonl.gz more.pb.zst
  treering query '{ status = error && duration > 100ms }' --since 2h
  treering shell

",
    statuses!(),
    "

Answers go to stdout; warnings, errors and progress to stderr. Colours and progress are shown on a
terminal only; NO_COLOR turns colours off."
);

pub(super) const INGEST: &str = "\
Examples:
  treering ingest traces.jsonl.gz more.pb.zst
  treering ingest more.jsonl --max-bytes 500MB --max-age 1000d
  zcat traces.jsonl.gz | treering ingest - --format json";

pub(super) const QUERY: &str = "\
--output json has the shape of Tempo's search response, jsonl a trace of it a line.

Examples:
  treering query '{ status = error && duration > 100ms }'
  treering query '{ kind = server } >> { span.db.system = \"redis\" }' --since 2h --limit all
  treering query '{ status = error }' --from '2026-11-20 14:00' --to '2026-11-21 06:00'
  treering query '{ status = error } | by(resource.service.name) | count() > 2' --output json
  treering query '{ name = \"checkout\" }' --explain";

pub(super) const SHELL: &str = "\
Examples:
  treering shell
  treering shell treering.redb --since 2h --no-history
  echo '{ status = error }' | treering shell --output jsonl";

pub(super) const TRACE: &str = "\
--output table draws a waterfall; json is OTLP/JSON as `ingest` reads it, jsonl that with a request a
span.

Examples:
  treering trace 4bf92f3577b34da6a3ce929d0e0e4736
  treering trace 4bf92f3577b34da6a3ce929d0e0e4736 --output json";

pub(super) const TAGS: &str = "\
--output json has the shape of Tempo's tag endpoints, jsonl a name a line.

Examples:
  treering tags
  treering tags --scope resource --output json
  treering tags --query '{ status = error }' --since yesterday";

pub(super) const VALUES: &str = "\
--output json has the shape of Tempo's tag endpoints, jsonl a value a line.

Examples:
  treering values resource.service.name
  treering values name --query '{ status = error }' --limit 5";

pub(super) const CHECK: &str = "\
Examples:
  treering check '{ .http.method = \"GET\" }'
  treering check '{status=error}' --output json
  echo '{ status = error }' | treering check --stdin";

pub(super) const STATS: &str = "\
Examples:
  treering stats
  treering stats --store treering.redb --output json";

pub(super) const DELETE: &str = "\
Examples:
  treering delete 4bf92f3577b34da6a3ce929d0e0e4736
  treering delete --where '{ .user.id = \"7\" }' --to yesterday
  treering delete --where '{ .user.id = \"7\" }' --yes --purge";

pub(super) const EXPORT: &str = "\
Examples:
  treering export > all.jsonl
  treering export --query '{ status = error }' --since 2h --format pb > errors.pb";

pub(super) const VERIFY: &str = "\
Examples:
  treering verify
  treering verify --store treering.redb --output json";

pub(super) const SALVAGE: &str = "\
Examples:
  treering salvage new.redb --store treering.redb";

pub(super) const BACKUP: &str = "\
Examples:
  treering backup copy.redb";

pub(super) const DEMO: &str = "\
Examples:
  treering demo --spans 2000
  treering demo --spans 2000 --store demo.redb";

pub(super) const COMPLETIONS: &str = "\
Examples:
  treering completions bash > treering.bash
  treering completions zsh > _treering
  treering completions fish > treering.fish";

pub(super) const MAN: &str = "\
Examples:
  treering man > treering.1
  treering man .";
