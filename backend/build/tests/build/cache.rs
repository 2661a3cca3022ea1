//! When a step is done again, and when not.

use std::fs;

use crate::world::World;

#[test]
fn a_second_build_comes_from_the_cache_and_gives_the_same_image() {
    let Some(world) = World::new("cache_second") else {
        return;
    };
    world.write("a", "a");
    let dockerfile =
        "FROM busybox\nARG X=1\nWORKDIR /w\nCOPY a .\nRUN date > now\nENV A=1\nCMD [\"sh\"]\n";
    let first = world.build(dockerfile);
    assert!(
        first.cached().iter().skip(1).all(|cached| !cached),
        "{:?}",
        first.cached()
    );
    let second = world.build(dockerfile);
    assert!(
        second.cached().iter().all(|cached| *cached),
        "{:?}",
        second.cached()
    );
    assert_eq!(
        first.result.unwrap().image_id,
        second.result.unwrap().image_id
    );
    let mut request = World::request(dockerfile);
    request.no_cache = true;
    let third = world.build_request(&request);
    assert!(
        third.cached().iter().all(|cached| !cached),
        "{:?}",
        third.cached()
    );
}

#[test]
fn a_changed_file_counts_and_a_changed_time_does_not() {
    let Some(world) = World::new("cache_files") else {
        return;
    };
    world.write("a", "a");
    world.write("unused", "u");
    let dockerfile = "FROM busybox\nRUN echo 1 > /1\nCOPY a /a\nRUN echo 2 > /2\n";
    world.build(dockerfile).result.unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    fs::File::open(world.context("a"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    world.write("unused", "changed");
    assert_eq!(world.build(dockerfile).cached(), [true; 4]);
    world.write("a", "b");
    assert_eq!(world.build(dockerfile).cached(), [true, true, false, false]);
    assert_eq!(world.files("test").read("/a"), "b");
}

#[test]
fn a_build_argument_counts_from_where_it_is_declared() {
    let Some(world) = World::new("cache_args") else {
        return;
    };
    let mut request = World::request("FROM busybox\nRUN echo 1 > /1\nARG A\nRUN echo $A > /2\n");
    request.build_args = vec![("A".to_owned(), "x".to_owned())];
    world.build_request(&request).result.unwrap();
    request.build_args = vec![("A".to_owned(), "y".to_owned())];
    assert_eq!(
        world.build_request(&request).cached(),
        [true, true, true, false]
    );
    assert_eq!(world.files("test").read("/2"), "y\n");
}

#[test]
fn a_stage_that_is_built_anew_with_the_same_files_keeps_later_stages_cached() {
    let Some(world) = World::new("cache_content") else {
        return;
    };
    let build = |salt: &str| {
        world.build(&format!(
            "FROM busybox AS tools\nRUN echo same > /made && echo {salt} > /salt\n\
             FROM busybox\nCOPY --from=tools /made /made\nRUN echo x > /x\n"
        ))
    };
    build("one").result.unwrap();
    assert_eq!(build("two").cached(), [true, false, true, true, true]);
}

#[test]
fn a_failed_step_is_not_remembered() {
    let Some(world) = World::new("cache_failed") else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN echo x > /x\nRUN false\n";
    world.build(dockerfile).result.unwrap_err();
    let again = world.build(dockerfile);
    assert_eq!(again.cached(), [true, true]);
    again.result.unwrap_err();
}
