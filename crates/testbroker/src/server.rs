//! The thread that a broker runs in, and the sockets it listens on.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{LocalSet, spawn_local};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::http;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;

/// What a test wants done, on the broker's thread.
pub(crate) type Request = Box<dyn FnOnce(&mut Host) + Send>;

/// A broker and its sockets, as requests see them.
#[derive(Debug)]
pub(crate) struct Host {
    pub broker: Rc<RefCell<Broker>>,
    door: Rc<RefCell<Door>>,
    http_door: Rc<RefCell<Door>>,
}

impl Host {
    /// Makes the kernel refuse connections, or take them again.
    pub fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.door.borrow_mut().refuse(refuse)?;
        self.http_door.borrow_mut().refuse(refuse)
    }
}

/// What a broker listens on.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub binary: StdListener,
    pub http: StdListener,
}

/// A socket that clients connect to.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    socket: Socket,
    /// Wakes the task that accepts connections.
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Socket {
    Listening(TcpListener),
    /// Bound, so that nobody else gets the port, but not listening: connections are refused.
    Reserved(TcpSocket),
    Closed,
}

impl Door {
    fn open(listener: StdListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let socket = Socket::Listening(TcpListener::from_std(listener)?);
        Ok(Door { address, socket, waker: None })
    }

    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.waker = Some(cx.waker().clone());
        match &self.socket {
            Socket::Listening(listener) => listener.poll_accept(cx),
            _ => Poll::Pending,
        }
    }

    fn refuse(&mut self, refuse: bool) -> io::Result<()> {
        match (std::mem::replace(&mut self.socket, Socket::Closed), refuse) {
            (Socket::Listening(listener), true) => {
                drop(listener);
                self.socket = Socket::Reserved(self.bind()?);
            }
            (Socket::Reserved(socket), false) => self.socket = Socket::Listening(socket.listen(BACKLOG)?),
            (Socket::Closed, false) => self.socket = Socket::Listening(self.bind()?.listen(BACKLOG)?),
            (unchanged, _) => self.socket = unchanged,
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn bind(&self) -> io::Result<TcpSocket> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        Ok(socket)
    }
}

/// Runs a broker until `requests` ends. `ready` is called once with how the start went.
pub(crate) fn run(
    broker: Broker,
    listeners: Listeners,
    requests: UnboundedReceiver<Request>,
    ready: impl FnOnce(io::Result<()>),
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ready(Err(error)),
    };
    LocalSet::new().block_on(&runtime, async {
        match open(broker, listeners) {
            Err(error) => ready(Err(error)),
            Ok(host) => {
                ready(Ok(()));
                serve(host, requests).await;
            }
        }
    });
}

fn open(broker: Broker, listeners: Listeners) -> io::Result<Host> {
    let door = Door::open(listeners.binary)?;
    let http_door = Door::open(listeners.http)?;
    Ok(Host {
        broker: Rc::new(RefCell::new(broker)),
        door: Rc::new(RefCell::new(door)),
        http_door: Rc::new(RefCell::new(http_door)),
    })
}

async fn serve(mut host: Host, mut requests: UnboundedReceiver<Request>) {
    spawn_local(accept(Rc::clone(&host.broker), Rc::clone(&host.door)));
    spawn_local(http::serve(Rc::clone(&host.broker), Rc::clone(&host.http_door)));
    spawn_local(run_timers(Rc::clone(&host.broker)));
    while let Some(request) = requests.recv().await {
        request(&mut host);
    }
}

async fn accept(broker: Rc<RefCell<Broker>>, door: Rc<RefCell<Door>>) {
    loop {
        let accepted = poll_fn(|cx| door.borrow_mut().poll_accept(cx)).await;
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: others must go first.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it small answers would wait for more; where it fails they do.
        drop(stream.set_nodelay(true));
        let id = broker.borrow_mut().accept(Connection::new(stream, peer));
        let broker = Rc::clone(&broker);
        spawn_local(async move { poll_fn(|cx| broker.borrow_mut().poll_connection(id, cx)).await });
    }
}

async fn run_timers(broker: Rc<RefCell<Broker>>) {
    let earlier = Arc::clone(&broker.borrow().timers.earlier);
    loop {
        let next = broker.borrow().timers.next();
        match next {
            None => earlier.notified().await,
            Some(at) => tokio::select! {
                () = earlier.notified() => {}
                () = tokio::time::sleep_until(at.into()) => {}
            },
        }
        broker.borrow_mut().fire_timers();
    }
}
