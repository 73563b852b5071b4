//! `state.json`: what runs, so that `down`, `status` and a later `up` know.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::home::{Home, write_private};
use crate::process::Identity;
use crate::supervise::{Layer, Stop};

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The `xtask` that started everything.
    pub supervisor: Identity,
    /// How far it got.
    pub phase: Phase,
    /// Where the gateway listens.
    pub gateway: String,
    /// Everything it started.
    pub children: Vec<ChildState>,
}

/// How far a supervisor got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not everything is ready yet.
    Starting,
    /// Everything is ready.
    Ready,
    /// It is being stopped.
    Stopping,
}

/// One child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChildState {
    /// Its name.
    pub name: String,
    /// Who it is.
    pub identity: Identity,
    /// Where it is reached.
    pub address: String,
    /// What answers 200 when it is ready.
    pub ready_url: Option<String>,
    /// How to end it.
    pub stop: Stop,
    /// When to end it.
    pub layer: Layer,
}

impl State {
    /// What the file says, if there is one that can be read.
    pub fn read(home: &Home) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(file(home)).ok()?).ok()
    }

    /// The children that still run.
    pub fn living(&self) -> impl Iterator<Item = &ChildState> {
        self.children.iter().filter(|child| child.identity.alive())
    }
}

/// The writing end.
#[derive(Clone)]
pub struct StateFile {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl StateFile {
    /// Begins the file of this process.
    pub fn create(home: &Home, gateway: &str) -> Result<Self> {
        let state = State {
            supervisor: Identity::own()?,
            phase: Phase::Starting,
            gateway: gateway.to_owned(),
            children: Vec::new(),
        };
        let file = Self { path: file(home), state: Arc::new(Mutex::new(state)) };
        file.change(|_| ())?;
        Ok(file)
    }

    /// Notes how far things are.
    pub fn phase(&self, phase: Phase) -> Result<()> {
        self.change(|state| state.phase = phase)
    }

    /// Notes the children.
    pub fn children(&self, children: Vec<ChildState>) -> Result<()> {
        self.change(|state| state.children = children)
    }

    /// Removes the file: nothing runs any more.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path); // it may never have been written
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let mut state =
            self.state.lock().map_err(|_poisoned| anyhow!("another thread failed while it wrote state.json"))?;
        change(&mut state);
        write_private(&self.path, &serde_json::to_string_pretty(&*state)?)
    }
}

fn file(home: &Home) -> PathBuf {
    home.path("state.json")
}
