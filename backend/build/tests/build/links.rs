//! Symbolic links that lead out of the context or out of the image, and those that are meant.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::World;

#[test]
fn links_inside_a_folder_are_copied_as_links() {
    let Some(world) = World::new("links_kept") else {
        return;
    };
    world.write("dir/real", "x");
    symlink("real", world.context("dir/relative")).unwrap();
    symlink("/etc/shadow", world.context("dir/absolute")).unwrap();
    symlink("../../../../etc", world.context("dir/upward")).unwrap();
    let files = world.built("FROM busybox\nCOPY dir /x\n");
    for (name, target) in [
        ("relative", "real"),
        ("absolute", "/etc/shadow"),
        ("upward", "../../../../etc"),
    ] {
        let link = fs::read_link(files.path("/x").join(name)).unwrap();
        assert_eq!(link.to_str(), Some(target));
    }
}

#[test]
fn a_named_link_is_followed_within_the_context_and_never_out_of_it() {
    let Some(world) = World::new("links_context") else {
        return;
    };
    fs::write(world.folder.path().join("outside"), "outside").unwrap();
    world.write("etc/passwd", "of the context");
    symlink("/etc", world.context("absolute")).unwrap();
    symlink("../outside", world.context("upward")).unwrap();
    symlink("/proc/self/root/etc", world.context("magic")).unwrap();
    let files = world.built("FROM busybox\nCOPY absolute/passwd /x\nCOPY absolute /dir\n");
    assert_eq!(files.read("/x"), "of the context");
    assert_eq!(files.read("/dir/passwd"), "of the context");
    for source in ["upward", "magic/passwd", "../outside"] {
        let failure = world.refused(&format!("FROM busybox\nCOPY {source} /x\n"));
        assert!(
            failure.message.contains("found nothing at"),
            "{source}: {}",
            failure.message
        );
        assert_eq!(failure.code, "context");
    }
}

#[test]
fn links_of_the_image_lead_within_the_image() {
    let Some(world) = World::new("links_image") else {
        return;
    };
    let outside = world.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    world.write("f", "x");
    let files = world.built(&format!(
        "FROM busybox\nRUN ln -s {0} /absolute && ln -s ../../../../../..{0} /upward && ln -s /proc/1/root/tmp /magic\n\
         COPY f /absolute/\nCOPY f /upward/g\nCOPY f /magic/h\nWORKDIR /upward/w\n",
        outside.display()
    ));
    assert_eq!(
        fs::read_dir(&outside).unwrap().count(),
        0,
        "nothing may arrive on the host"
    );
    let inside = outside.to_str().unwrap();
    assert_eq!(files.names(inside), ["f", "g", "w"]);
    assert_eq!(files.read("/proc/1/root/tmp/h"), "x");
}

#[test]
fn a_link_in_the_way_of_a_file_is_replaced_and_not_followed() {
    let Some(world) = World::new("links_replaced") else {
        return;
    };
    world.write("dir/f", "new");
    let files = world.built(
        "FROM busybox\nRUN mkdir /d && echo old > /target && ln -s /target /d/f\nCOPY dir /d\n",
    );
    assert_eq!(files.read("/target"), "old\n");
    assert_eq!(files.read("/d/f"), "new");
}
