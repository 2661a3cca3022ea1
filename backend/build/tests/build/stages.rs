//! Builds of several stages.

use estiva_build::Clock;

use crate::world::World;

#[test]
fn only_what_is_copied_from_a_stage_is_in_the_image() {
    let Some(world) = World::new("stages_copy") else {
        return;
    };
    let files = world.built(
        "FROM busybox AS tools\nRUN mkdir /out && echo made > /out/f && echo rest > /rest\n\
         FROM scratch\nCOPY --from=tools /out /out\nCOPY --from=0 /out/f /second\nCMD [\"/x\"]\n",
    );
    assert_eq!(files.names("/"), ["out", "second"]);
    assert_eq!(files.read("/second"), "made\n");
    assert_eq!(files.image.diff_ids.len(), 2);
}

#[test]
fn files_keep_their_owner_between_stages() {
    let Some(world) = World::new("stages_owner") else {
        return;
    };
    let files = world.built(
        "FROM busybox AS tools\nRUN mkdir -p /out/d && echo x > /out/d/f && chown -R 7:8 /out && chmod 0500 /out/d\n\
         FROM busybox\nCOPY --from=tools /out /out\nCOPY --from=tools --chown=9 /out /other\n",
    );
    assert_eq!(files.mode_and_owner("/out/d/f"), (0o644, 7, 8));
    assert_eq!(files.mode_and_owner("/out/d"), (0o500, 7, 8));
    // The folder that is named isn't copied, only what is in it.
    assert_eq!(files.mode_and_owner("/out"), (0o755, 0, 0));
    assert_eq!(files.mode_and_owner("/other/d/f").1, 9);
}

#[test]
fn a_stage_that_the_target_does_not_need_is_not_built() {
    let Some(world) = World::new("stages_target") else {
        return;
    };
    let mut request = World::request(
        "FROM busybox AS broken\nRUN false\nFROM busybox AS app\nRUN echo app > /app\nFROM app\nRUN false\n",
    );
    request.target = Some("app".to_owned());
    world.build_request(&request).result.unwrap();
    assert_eq!(world.files("test").read("/app"), "app\n");
}

#[test]
fn an_image_can_be_copied_from_and_built_on() {
    let Some(world) = World::new("stages_image") else {
        return;
    };
    world.built("FROM busybox\nRUN echo base > /base\nENV A=1\nLABEL l=1\nUSER 3\nWORKDIR /w\n");
    let mut request = World::request(
        "FROM test\nENV B=$A$A\nCOPY --from=test:latest /base /copied\nCOPY --from=busybox /bin/busybox /box\n",
    );
    request.tags = vec!["second:v1".to_owned(), "third".to_owned()];
    world.build_request(&request).result.unwrap();
    let files = world.files("third");
    assert_eq!(files.read("/copied"), "base\n");
    let config = files.image.config.config().clone().unwrap();
    assert!(config.env().iter().flatten().any(|entry| entry == "B=11"));
    assert_eq!(
        (config.user().as_deref(), config.working_dir().as_deref()),
        (Some("3"), Some("/w"))
    );
}

#[test]
fn the_same_clock_and_files_give_the_same_image() {
    let Some(one) = World::new("stages_same_1") else {
        return;
    };
    let Some(two) = World::new("stages_same_2") else {
        return;
    };
    let id = |world: &World| {
        world.write("f", "x");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        std::fs::File::open(world.context("f"))
            .unwrap()
            .set_modified(time)
            .unwrap();
        let builder = world
            .builder
            .clone()
            .with_clock(Clock::Fixed(1_700_000_000_000));
        let context =
            estiva_build::Context::Folder(std::fs::File::open(world.context("")).unwrap().into());
        let cancel = estiva_build::CancelFlag::new().unwrap();
        let request = World::request("FROM scratch\nCOPY f /f\nLABEL a=1 b=2 c=3 d=4\nENV X=1\n");
        builder
            .build(&request, context, &mut |_| {}, &cancel)
            .unwrap()
            .image_id
    };
    assert_eq!(id(&one), id(&two));
}
