//! The example that a new user builds first.

use std::path::Path;

use estiva_build::CancelFlag;

use crate::world::World;

#[test]
fn the_hello_example_builds_and_has_its_waste_to_find() {
    let Some(world) = World::new("example_hello") else {
        return;
    };
    // Read when it runs: a program kept from another checkout would name that one's folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let example = Path::new(&package).join("../../examples/hello");
    let mut request = World::request("");
    request.dockerfile_text = None;
    request.tags = vec!["hello".to_owned()];
    let cancel = CancelFlag::new().unwrap();
    let outcome = world.build_from(&request, &example, &cancel, &mut |_| {});
    outcome
        .result
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    let files = world.files("hello");
    assert_eq!(
        files.names("/app"),
        ["greet.sh", "greeting.txt", "harbour.txt", "work"]
    );
    assert_eq!(
        files.read("/app/greeting.txt"),
        "Hello, whoever reads this!\n"
    );
    let analysis = world.store.analysis(&files.image).unwrap();
    let wasted = analysis.waste.reclaimable_bytes;
    assert!((380_000..500_000).contains(&wasted), "{:?}", analysis.waste);
    let shown = world.build(
        "FROM hello\nENV PAUSE_SECONDS=0.2\nRUN /app/greet.sh & sleep 1; kill $!; wait $!\n",
    );
    let output = shown.output();
    assert!(output.contains("I am sailor in /app"), "{output}");
    assert!(output.contains("2 s, 2048 bytes of cargo"), "{output}");
    assert!(output.contains("Goodbye after"), "{output}");
    shown.result.unwrap_or_else(|failure| panic!("{failure:?}"));
    drop(files);
    world.assert_clean();
}
