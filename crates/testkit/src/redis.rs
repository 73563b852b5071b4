//! A Redis of a test's own, to be killed.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chassis::redis::client::Client;
use chassis::redis::client::aio::MultiplexedConnection;
use chassis::redis::{Redis, RedisConfig};

use crate::eventually;

/// A Redis that holds what one test put there; killed when dropped.
#[derive(Debug)]
pub struct OwnRedis {
    port: u16,
    process: Child,
}

impl OwnRedis {
    /// On a free port; answers when it returns.
    pub async fn start() -> Self {
        Self::on(free_port()).await
    }

    /// On a port, such as one where another was killed.
    pub async fn on(port: u16) -> Self {
        let start = |program: &str| {
            let mut command = Command::new(program);
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let process = start("redis-server").or_else(|_none| start("valkey-server")).expect("a Redis");
        let redis = Self { port, process };
        eventually(|| async { std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() }).await;
        redis
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Settings that find what listens at a port, or does not, with a deadline that a busy machine keeps.
    pub fn config(port: u16) -> RedisConfig {
        RedisConfig { url: format!("redis://127.0.0.1:{port}").into(), deadline: Duration::from_millis(500) }
    }

    /// It, as a service asks it.
    pub fn redis(&self) -> Redis {
        Redis::new(&Self::config(self.port)).expect("a URL of Redis")
    }

    /// A connection, to look at what it holds.
    pub async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("a URL of Redis");
        eventually(|| async { client.get_multiplexed_async_connection().await.is_ok() }).await;
        client.get_multiplexed_async_connection().await.expect("a connection")
    }

    /// SIGKILL; gives the port.
    pub fn kill(mut self) -> u16 {
        self.process.kill().expect("it ran");
        self.process.wait().expect("it ended");
        self.port
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
