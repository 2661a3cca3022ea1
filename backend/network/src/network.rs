//! The verbs of a network, and what is remembered between them: who is attached, and which addresses are given out. They
//! block, and are called from blocking threads, several at once. What is slow and can wait is left to the `reaper`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crate::base::{self, Base};
use crate::conntrack;
use crate::error::NetworkError;
use crate::names::Names;
use crate::namespace::{self, Recipe};
use crate::nft::Nftables;
use crate::nft::table;
use crate::obstacle;
use crate::reaper;
use crate::request::{AttachRequest, Attached, Endpoint, Held, Obstacle, PortRule, Protocol};
use crate::route::Route;
use crate::subnet::Places;
use crate::watch::Watch;

/// How long a detached container's pair is left to the end of its namespace, which takes it away at no cost of ours.
pub(crate) const LEAVING: Duration = Duration::from_millis(250);

/// How long bridge, table and forwarding stand after the last container: the next one, in a row of `run --rm` or of build
/// steps, finds them.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// The default network of one world, in the network namespace of the threads that call it (one and the same for all).
#[derive(Debug)]
pub struct Network {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    me: Weak<Self>,
    pub(crate) names: Names,
    nftables: Nftables,
    state: Mutex<State>,
    /// Rung when the reaper has done something, or shall.
    pub(crate) bell: Condvar,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct State {
    recovered: bool,
    /// The bridge and the table, while they stand.
    pub(crate) base: Option<Base>,
    /// Who notices interfaces that come later, meanwhile.
    watch: Option<Watch>,
    pub(crate) entries: HashMap<String, Entry>,
    pub(crate) places: Places,
    /// Pairs of those that were detached, until they are gone.
    pub(crate) leaving: Vec<Leaving>,
    /// Ends that are being deleted at this moment.
    pub(crate) reaping: HashSet<String>,
    /// When the last one went.
    pub(crate) empty_since: Option<Instant>,
    pub(crate) reaper_runs: bool,
    /// Nothing is to wait any more.
    pub(crate) hurry: bool,
}

/// One attached container.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) endpoint: Endpoint,
    pub(crate) ports: Vec<PortRule>,
    /// Its rules are being taken away.
    pub(crate) going: bool,
}

/// The pair of a container that was detached.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) veth: String,
    pub(crate) endpoint: Endpoint,
    /// Whether it published ports of UDP, whose flows go on.
    pub(crate) flows: bool,
    pub(crate) since: Instant,
}

impl Network {
    /// The network of a world, named as in its cgroups. Asks nothing of the kernel: nothing exists until the first
    /// [`attach`](Self::attach).
    pub fn new(world: &str) -> Self {
        Self {
            inner: Arc::new_cyclic(|me| Inner {
                me: Weak::clone(me),
                names: Names::new(world),
                nftables: Nftables::default(),
                state: Mutex::default(),
                bell: Condvar::new(),
            }),
        }
    }

    /// To be called once at a server's start, before all else: keeps (and repairs) what the living containers hold, and
    /// removes every other trace of this world: interfaces, rules, addresses, forwarding. An `attach` without it begins
    /// with the removal of everything.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn recover(&self, living: &[Held]) -> Result<(), NetworkError> {
        self.inner.recover(&mut self.inner.state(), living)
    }

    /// A new network namespace with loopback up, an `eth0` on the bridge, addresses and default routes of both families,
    /// and the rules that publish its ports. Undone entirely if any part fails.
    ///
    /// # Errors
    ///
    /// What the kernel refused, a port that another container publishes, an id that is attached already.
    pub fn attach(&self, request: &AttachRequest) -> Result<Attached, NetworkError> {
        let (endpoint, bridge, mtu) = self.inner.reserve(request)?;
        let made = self.inner.make(request, &endpoint, bridge, mtu);
        match made {
            Ok(namespace) => Ok(Attached {
                namespace,
                endpoint,
            }),
            Err(error) => {
                // The first fault is what the caller is told; what is left of this one, `recover` removes.
                let _ = self.inner.detach(&request.id);
                Err(error)
            }
        }
    }

    /// Takes away what `attach` made; not an error if it is gone. Ports answer no more when it returns. The pair goes with
    /// the namespace, or a moment later; with the last one the bridge, the table and forwarding go too, after some seconds.
    /// [`settle`](Self::settle) waits for neither.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn detach(&self, id: &str) -> Result<(), NetworkError> {
        self.inner.detach(id)
    }

    /// Takes away at once what would go later by itself.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn settle(&self) -> Result<(), NetworkError> {
        let mut state = self.inner.state();
        self.inner.settle(&mut state)
    }

    /// Takes away everything of this world, whatever is attached.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn remove_all(&self) -> Result<(), NetworkError> {
        self.inner.recover(&mut self.inner.state(), &[])
    }

    /// What of another firewall or setting would stop our traffic.
    pub fn obstacles() -> Vec<Obstacle> {
        obstacle::obstacles()
    }
}

impl Drop for Network {
    /// What would go later goes now: nobody is left to do it.
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.hurry = true;
        state.watch = None;
        if state.recovered {
            // Whoever comes next recovers.
            let _ = self.inner.settle(&mut state);
        }
        self.inner.bell.notify_all();
    }
}

impl Inner {
    /// A panic of another thread left the state as it was between two of its steps; all of them may be repeated.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn recover(&self, state: &mut State, living: &[Held]) -> Result<(), NetworkError> {
        let entries = living.iter().map(|held| {
            let entry = Entry {
                endpoint: held.endpoint.clone(),
                ports: held.ports.clone(),
                going: false,
            };
            (held.id.clone(), entry)
        });
        state.entries = entries.collect();
        state.leaving.clear();
        state.base = None;
        state.watch = None;
        state.places = Places::default();
        state.recovered = true;
        if living.is_empty() {
            return base::remove(&self.names, &self.nftables);
        }
        base::remove_pairs(&self.names, |veth| {
            living.iter().any(|held| self.names.veth(&held.id) == veth)
        })?;
        self.stand(state)?;
        if let Some(base) = &state.base {
            for held in living {
                state.places.hold(base.plan.ipv4, held.endpoint.ipv4);
            }
        }
        Ok(())
    }

    /// Has the bridge, the table and forwarding stand as they should.
    fn stand(&self, state: &mut State) -> Result<(), NetworkError> {
        if state.watch.is_none() {
            // Before the look at what there is. Without it, the next attachment notices.
            state.watch = Watch::start(Weak::clone(&self.me)).ok();
        }
        let stands = match &mut state.base {
            Some(base) => base.stands(&self.names, &self.nftables)?,
            None => false,
        };
        if !stands {
            let known = state.base.as_ref().map(|base| base.plan);
            state.base = Some(base::build(
                &self.names,
                &self.nftables,
                known,
                &state.entries,
            )?);
        }
        Ok(())
    }

    /// An interface came, or an address of one.
    pub(crate) fn look_again(&self) {
        let mut state = self.state();
        if let Some(base) = &mut state.base {
            base.look_again();
            if !state.entries.is_empty() {
                // What is refused here, the next attachment is told.
                let _ = self.stand(&mut state);
            }
        }
    }

    /// Notes the id, its ports and an address as taken.
    fn reserve(&self, request: &AttachRequest) -> Result<(Endpoint, u32, u32), NetworkError> {
        let veth = self.names.veth(&request.id);
        let mut state = self.state();
        if !state.recovered {
            self.recover(&mut state, &[])?;
        }
        while state.reaping.contains(&veth) {
            state = self
                .bell
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        check_ports(&state.entries, request)?;
        if let Some(index) = state.leaving.iter().position(|one| one.veth == veth) {
            // The same container again, before its former pair is gone.
            let former = state.leaving.swap_remove(index);
            end(&former)?;
            give_back(&mut state, &former.endpoint);
        }
        if let Err(error) = self.stand(&mut state) {
            if state.entries.is_empty() {
                // The first fault is what the caller is told; what can't be removed either, `recover` finds.
                let _ = self.settle(&mut state);
            }
            return Err(error);
        }
        let State { base, places, .. } = &mut *state;
        let base = base.as_ref().expect("it stands since the line above");
        let subnet = base.plan.ipv4;
        let exhausted = || NetworkError::AddressesExhausted {
            subnet: subnet.to_string(),
            count: subnet.places().len(),
        };
        let endpoint = base
            .plan
            .endpoint(places.take(subnet).ok_or_else(exhausted)?);
        let (bridge, mtu) = (base.bridge, base.mtu);
        let entry = Entry {
            endpoint: endpoint.clone(),
            ports: request.ports.clone(),
            going: false,
        };
        state.entries.insert(request.id.clone(), entry);
        state.empty_since = None;
        Ok((endpoint, bridge, mtu))
    }

    fn make(
        &self,
        request: &AttachRequest,
        endpoint: &Endpoint,
        bridge: u32,
        mtu: u32,
    ) -> Result<OwnedFd, NetworkError> {
        let namespace = namespace::make(&Recipe {
            outer: &self.names.veth(&request.id),
            alias: &format!("{} container {}", self.names.alias, shown(&request.id)),
            bridge_mac: self.names.bridge_mac(),
            bridge_name: &self.names.bridge,
            bridge,
            mtu,
            endpoint,
        })?;
        let elements = table::published(endpoint, &request.ports);
        match table::add(&self.nftables, &self.names.table, &elements) {
            // Somebody flushed the ruleset since the table was looked for; a new one has all that is attached.
            Err(refused) if table::is_missing(&refused.source) => {
                self.stand(&mut self.state())?;
            }
            other => other.map_err(NetworkError::nftables)?,
        }
        Ok(namespace)
    }

    fn detach(self: &Arc<Self>, id: &str) -> Result<(), NetworkError> {
        let veth = self.names.veth(id);
        let entry = {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(id).filter(|entry| !entry.going) else {
                return Ok(());
            };
            entry.going = true;
            entry.clone()
        };
        let elements = table::published(&entry.endpoint, &entry.ports);
        let removed = table::remove(&self.nftables, &self.names.table, &elements);
        let mut state = self.state();
        if let Err(refused) = removed {
            if let Some(entry) = state.entries.get_mut(id) {
                entry.going = false;
            }
            return Err(NetworkError::nftables(refused));
        }
        if state.entries.remove(id).is_none() {
            // Everything was removed meanwhile.
            return Ok(());
        }
        state.leaving.push(Leaving {
            veth,
            endpoint: entry.endpoint,
            flows: entry
                .ports
                .iter()
                .any(|port| port.protocol == Protocol::Udp),
            since: Instant::now(),
        });
        if state.entries.is_empty() {
            state.empty_since = Some(Instant::now());
        }
        if state.reaper_runs {
            self.bell.notify_all();
            Ok(())
        } else {
            state.reaper_runs = reaper::start(self);
            if state.reaper_runs {
                Ok(())
            } else {
                self.settle(&mut state)
            }
        }
    }

    /// Deletes the pairs that are left, and takes all away where nobody is attached.
    pub(crate) fn settle(&self, state: &mut State) -> Result<(), NetworkError> {
        if state.entries.is_empty() {
            base::remove(&self.names, &self.nftables)?;
            state.base = None;
            state.watch = None;
            state.empty_since = None;
        }
        for leaving in std::mem::take(&mut state.leaving) {
            // What can't be deleted now is found by the next that removes all, and its address is not given out again.
            end(&leaving)?;
            give_back(state, &leaving.endpoint);
        }
        Ok(())
    }
}

/// Deletes a pair by its end here, and has the kernel forget who spoke with it.
pub(crate) fn end(leaving: &Leaving) -> Result<(), NetworkError> {
    let veth = &leaving.veth;
    Route::open()
        .and_then(|route| route.delete_link(veth))
        .map_err(NetworkError::netlink("delete a veth pair", veth))?;
    if leaving.flows {
        // Without conntrack in the kernel there is nothing to forget.
        let _ = conntrack::forget(&leaving.endpoint);
    }
    Ok(())
}

pub(crate) fn give_back(state: &mut State, endpoint: &Endpoint) {
    let subnet = crate::subnet::Plan::of(endpoint).ipv4;
    state.places.give_back(subnet, endpoint.ipv4);
}

fn check_ports(
    entries: &HashMap<String, Entry>,
    request: &AttachRequest,
) -> Result<(), NetworkError> {
    if entries.contains_key(&request.id) {
        return Err(NetworkError::AlreadyAttached {
            id: request.id.clone(),
        });
    }
    // By transport and port, since a container may publish thousands.
    let mut taken: HashMap<(Protocol, u16), Vec<(&String, &PortRule)>> = HashMap::new();
    let key = |port: &PortRule| (port.protocol, port.host_port);
    for (id, entry) in entries {
        for port in &entry.ports {
            taken.entry(key(port)).or_default().push((id, port));
        }
    }
    for port in &request.ports {
        if port.host_port == 0 || port.container_port == 0 {
            return Err(NetworkError::PortZero);
        }
        let others = taken.entry(key(port)).or_default();
        if let Some((holder, _)) = others.iter().find(|(_, other)| collide(port, other)) {
            return Err(NetworkError::PortTaken {
                address: port.address,
                port: port.host_port,
                protocol: port.protocol,
                holder: (*holder).clone(),
            });
        }
        others.push((&request.id, port));
    }
    Ok(())
}

/// Whether two published ports can't be served at once, as `bind` has it.
fn collide(one: &PortRule, other: &PortRule) -> bool {
    let whole = |address: Option<IpAddr>| address.is_none_or(|address| address.is_unspecified());
    let same_family = match (one.address, other.address) {
        (Some(one), Some(other)) => one.is_ipv4() == other.is_ipv4(),
        _ => true,
    };
    one.protocol == other.protocol
        && one.host_port == other.host_port
        && same_family
        && (whole(one.address) || whole(other.address) || one.address == other.address)
}

/// An id as it is shown in an alias, which holds 255 bytes.
fn shown(id: &str) -> String {
    const BYTES_MAX: usize = 64;
    let letters = id.chars().filter(char::is_ascii_graphic);
    letters.take(BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(address: Option<&str>, host_port: u16, protocol: Protocol) -> PortRule {
        PortRule {
            address: address.map(|text| text.parse().unwrap()),
            host_port,
            container_port: 80,
            protocol,
        }
    }

    #[test]
    fn ports_collide_as_sockets_do() {
        let any = port(None, 80, Protocol::Tcp);
        let of = |address| port(Some(address), 80, Protocol::Tcp);
        for (one, other, expected) in [
            (&any, &any, true),
            (&any, &port(None, 80, Protocol::Udp), false),
            (&any, &port(None, 81, Protocol::Tcp), false),
            (&any, &of("127.0.0.1"), true),
            (&of("192.0.2.1"), &of("192.0.2.1"), true),
            (&of("192.0.2.1"), &of("192.0.2.2"), false),
            (&of("0.0.0.0"), &of("192.0.2.2"), true),
            (&of("0.0.0.0"), &of("::"), false),
            (&of("::"), &of("fd00::1"), true),
        ] {
            assert_eq!(collide(one, other), expected, "{one:?} {other:?}");
            assert_eq!(collide(other, one), expected, "{other:?} {one:?}");
        }
    }
}
