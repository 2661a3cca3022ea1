//! Registries that refuse, are out of order, ask who asks, and send people where they should not go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use estiva_shared::protocol::TransferEvent;
use estiva_store::{ProxyChoice, RegistryError, RegistrySettings};

use crate::common::{is_root, new_store};
use crate::goods::{Goods, failed, twisted};
use crate::machine::{Machine, Reply};
use crate::world::{assert_empty, login, pull, pull_with, settings};

#[test]
fn statuses_are_told_and_tried_again_where_that_may_help() {
    if !is_root("statuses_are_told_and_tried_again_where_that_may_help") {
        return;
    }
    // Each with how often it is asked.
    for (status, tries) in [
        (401, 1),
        (403, 1),
        (404, 1),
        (418, 1),
        (429, 4),
        (500, 4),
        (503, 4),
    ] {
        let machine = Machine::start(move |asked| {
            if asked.path == "/" {
                return Reply::new(404);
            }
            let errors = r#"{"errors": [{"code": "X", "message": "because\nit\u001b[31m is"}]}"#;
            Reply::new(status).body(errors)
        });
        let error = failed(&machine);
        let text = error.to_string();
        assert!(text.contains(&status.to_string()), "{text}");
        assert!(
            text.contains("because it") && !text.contains('\u{1b}'),
            "{text}"
        );
        let asked = machine.asked();
        let count = asked
            .iter()
            .filter(|asked| asked.path.contains("manifests"))
            .count();
        assert_eq!(count, tries, "{status}");
    }
    let goods = Goods::new();
    let machine = twisted(goods, |number, _| {
        (number == 0).then(|| Reply::new(429).header("retry-after", "1"))
    });
    let (_folder, store) = new_store();
    let went = pull(&store, &format!("{}/app:1", machine.host()));
    assert!(went.events.iter().any(|event| matches!(
        event,
        TransferEvent::Retrying {
            wait_ms: 1000,
            attempt: 2,
            ..
        }
    )));
    went.well();
}

#[test]
fn a_registry_that_wants_to_be_left_alone_for_long_is_left_alone() {
    if !is_root("a_registry_that_wants_to_be_left_alone_for_long_is_left_alone") {
        return;
    }
    let machine = twisted(Goods::new(), |_, _| {
        Some(Reply::new(429).header("retry-after", "99999999999"))
    });
    let error = failed(&machine);
    assert!(
        matches!(error, RegistryError::Busy { status: 429, .. }),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[test]
fn redirects_are_followed_without_credentials_and_not_for_ever() {
    if !is_root("redirects_are_followed_without_credentials_and_not_for_ever") {
        return;
    }
    let goods = Goods::new();
    let storage = {
        let goods = goods.clone();
        Machine::start(move |asked| goods.honest(asked))
    };
    let elsewhere = storage.host();
    let plain = {
        let goods = goods.clone();
        Machine::start(move |asked| match asked.header("authorization") {
            None => Reply::new(401).header("www-authenticate", "Basic realm=\"x\""),
            Some(_) if goods.is_layer(asked) => Reply::new(302).header(
                "location",
                format!("http://{elsewhere}{}?sig=s3cret", asked.path),
            ),
            Some(_) => goods.honest(asked),
        })
    };
    let (_folder, store) = new_store();
    let name = format!("{}/app:1", plain.host());
    pull_with(&store, &settings(), &name, Some(login("ada", "pw"))).well();
    let asked = storage.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None);
    assert!(asked[0].path.ends_with("?sig=s3cret"));

    let endless = twisted(goods, |_, asked| {
        Some(Reply::new(302).header("location", asked.path.clone()))
    });
    let error = failed(&endless);
    assert!(matches!(error, RegistryError::Redirect { .. }), "{error}");
    assert!(error.to_string().contains("at most 5"), "{error}");
}

#[test]
fn redirects_to_other_schemes_and_to_the_link_are_refused() {
    if !is_root("redirects_to_other_schemes_and_to_the_link_are_refused") {
        return;
    }
    for (location, word) in [
        ("file:///etc/passwd?x=s3cret", "file:"),
        ("gopher://127.0.0.1/", "gopher:"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("http://[fe80::1]/", "fe80::1"),
        ("http://ada:pw@127.0.0.1/", "user's name"),
        ("", "leads"),
    ] {
        let machine = twisted(Goods::new(), move |_, _| {
            Some(Reply::new(302).header("location", location))
        });
        let error = failed(&machine).to_string();
        assert!(error.contains(word), "{location}: {error}");
        assert!(
            !error.contains("s3cret") && !error.contains("pw@"),
            "{error}"
        );
    }
}

/// The registry is reached through a proxy, as one that lies far away: nothing is known of its address.
#[test]
fn a_registry_far_away_can_not_send_us_to_loopback_or_to_our_own_network() {
    if !is_root("a_registry_far_away_can_not_send_us_to_loopback_or_to_our_own_network") {
        return;
    }
    let victim = Machine::start(|_| Reply::new(200));
    let port = victim.port;
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.0.1/".to_owned(),
    ] {
        let to = target.clone();
        let registry = Arc::new(Goods::new());
        // The proxy is the registry too: what comes through its tunnel is answered at once.
        let proxy = Machine::start(move |asked| match asked.method.as_str() {
            "CONNECT" => Reply::new(200),
            _ if registry.is_layer(asked) => Reply::new(302).header("location", to.clone()),
            _ => registry.honest(asked),
        });
        let mut settings = RegistrySettings {
            proxy: ProxyChoice::Address(format!("http://{}", proxy.host())),
            ..settings()
        };
        settings
            .registries
            .entry("registry.test".to_owned())
            .or_default()
            .plain_http = Some(true);
        let (_folder, store) = new_store();
        let went = pull_with(&store, &settings, "registry.test/app:1", None);
        let error = went.error();
        assert!(
            error.contains("only this host or its own network"),
            "{target}: {error}"
        );
        assert_empty(&store);
    }
    assert!(victim.asked().is_empty());
}

#[test]
fn a_token_is_asked_for_with_its_scope_renewed_and_shown_to_the_registry_alone() {
    if !is_root("a_token_is_asked_for_with_its_scope_renewed_and_shown_to_the_registry_alone") {
        return;
    }
    let goods = Goods::new();
    let storage = {
        let goods = goods.clone();
        Machine::start(move |asked| goods.honest(asked))
    };
    let tokens = Machine::start(|asked| {
        let scope = "scope=repository%3Ateam%2Fapp%3Apull";
        let basic = Some("Basic YWRhOmNvcnJlY3Q=");
        if asked.header("authorization") != basic {
            return Reply::new(401).body(r#"{"details": "incorrect username or password"}"#);
        }
        match asked.path.contains(scope) && asked.path.contains("service=the.registry") {
            true => Reply::new(200).body(r#"{"token": "t0ken", "expires_in": 300}"#),
            false => Reply::new(400),
        }
    });
    let (realm, elsewhere) = (tokens.host(), storage.host());
    let expired = Arc::new(AtomicBool::new(false));
    let serving = goods.clone();
    let machine = Machine::start(move |asked| {
        // The token holds for the manifest, and has to be renewed for the layer.
        let renew =
            serving.is_layer(asked) && !expired.swap(serving.is_layer(asked), Ordering::Relaxed);
        if asked.header("authorization") != Some("Bearer t0ken") || renew {
            let challenge = format!(
                "Bearer realm=\"http://{realm}/token\",service=\"the.registry\",scope=\"x\""
            );
            return Reply::new(401).header("www-authenticate", challenge);
        }
        match serving.is_layer(asked) {
            true => Reply::new(307).header("location", format!("http://{elsewhere}{}", asked.path)),
            false => serving.honest(asked),
        }
    });
    let name = format!("{}/team/app:1", machine.host());
    let (_folder, store) = new_store();
    let error = pull_with(&store, &settings(), &name, Some(login("ada", "wr0ng"))).error();
    assert!(
        error.contains("incorrect username or password") && !error.contains("wr0ng"),
        "{error}"
    );
    let went = pull_with(&store, &settings(), &name, Some(login("ada", "correct")));
    let shown = format!("{:?}", went.events);
    went.well();
    assert!(
        !shown.contains("t0ken") && !shown.contains("correct"),
        "{shown}"
    );
    assert!(
        storage
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    assert_eq!(
        tokens.asked().len(),
        3,
        "one wrong, one for the manifest, one renewed"
    );
    assert!(machine.asked().iter().all(|asked| {
        let shown = asked.header("authorization");
        shown.is_none_or(|shown| shown == "Bearer t0ken")
    }));
}

#[test]
fn a_token_service_that_fails_is_told() {
    if !is_root("a_token_service_that_fails_is_told") {
        return;
    }
    for (reply, word) in [
        (Reply::new(500), "500"),
        (Reply::new(200).body("<html>"), "expected a token"),
        (Reply::new(200).body("{}"), "none"),
        (Reply::new(200).body(r#"{"token": "a\nb: c"}"#), "none"),
        (Reply::new(302).header("location", "file:///x"), "file:"),
    ] {
        let tokens = Machine::start(move |_| reply.clone());
        let realm = tokens.host();
        let machine = Machine::start(move |_| {
            let challenge = format!("Bearer realm=\"http://{realm}/token\"");
            Reply::new(401).header("www-authenticate", challenge)
        });
        let error = failed(&machine).to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}
