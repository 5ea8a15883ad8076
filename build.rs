//! Generates the `TraceQL` parser from `grammar/traceql.lalrpop` with LALRPOP.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    lalrpop::Configuration::new()
        .set_in_dir("grammar")
        .emit_rerun_directives(true)
        .process()
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(())
}
