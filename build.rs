//! Places libduckdb beside `wo-sql` and lets it be found there, so that the pair can be copied anywhere as it is.
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_BUNDLED_DUCKDB").is_some() {
        return;
    }
    let macos = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos");
    let (name, origin) = if macos { ("libduckdb.dylib", "@loader_path") } else { ("libduckdb.so", "$ORIGIN") };
    println!("cargo:rustc-link-arg-bin=wo-sql=-Wl,-rpath,{origin}");
    let Some(dir) = env::var_os("DUCKDB_LIB_DIR") else { return };
    let source = Path::new(&dir).join(name);
    println!("cargo:rerun-if-changed={}", source.display());
    if let Err(error) = place_beside_binary(&source, name) {
        println!("cargo:warning=failed to place {name} beside wo-sql: {error}; run scripts/setup.sh");
    }
}

/// OUT_DIR is `<target>/<profile>/build/<package>/out`; the binaries are in `<target>/<profile>`.
fn place_beside_binary(source: &Path, name: &str) -> std::io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?);
    let profile = out.ancestors().nth(3).ok_or(std::io::ErrorKind::NotFound)?;
    for dir in [profile.to_path_buf(), profile.join("deps")] {
        let target = dir.join(name);
        let _ = fs::remove_file(&target);
        fs::copy(source, &target)?;
    }
    Ok(())
}
