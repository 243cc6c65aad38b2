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
use crate::connection::{Connection, Transport};
use crate::http;
#[cfg(feature = "tls")]
use crate::tls::Acceptor;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;

/// What a test wants done, on the broker's thread.
pub(crate) type Request = Box<dyn FnOnce(&mut Host) + Send>;

/// A broker and its sockets, as requests see them.
#[derive(Debug)]
pub(crate) struct Host {
    pub broker: Rc<RefCell<Broker>>,
    doors: Doors,
}

/// A door for each protocol; those with TLS where it is spoken.
#[derive(Debug)]
struct Doors {
    binary: Rc<RefCell<Door>>,
    http: Rc<RefCell<Door>>,
    #[cfg(feature = "tls")]
    tls: Option<TlsDoors>,
}

#[cfg(feature = "tls")]
#[derive(Debug)]
struct TlsDoors {
    binary: Rc<RefCell<Door>>,
    http: Rc<RefCell<Door>>,
    acceptor: Rc<Acceptor>,
}

impl Host {
    /// Makes the kernel refuse connections, or take them again.
    pub fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.doors.binary.borrow_mut().refuse(refuse)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.doors.tls {
            tls.binary.borrow_mut().refuse(refuse)?;
            tls.http.borrow_mut().refuse(refuse)?;
        }
        self.doors.http.borrow_mut().refuse(refuse)
    }
}

/// What a broker listens on.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub binary: StdListener,
    pub http: StdListener,
    #[cfg(feature = "tls")]
    pub tls: Option<TlsListeners>,
}

/// What it listens on with TLS.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(crate) struct TlsListeners {
    pub binary: StdListener,
    pub http: StdListener,
    pub acceptor: Acceptor,
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
    fn open(listener: StdListener) -> io::Result<Rc<RefCell<Self>>> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let socket = Socket::Listening(TcpListener::from_std(listener)?);
        Ok(Rc::new(RefCell::new(Door { address, socket, waker: None })))
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
    #[cfg(feature = "tls")]
    let tls = match listeners.tls {
        None => None,
        Some(TlsListeners { binary, http, acceptor }) => Some(TlsDoors {
            binary: Door::open(binary)?,
            http: Door::open(http)?,
            acceptor: Rc::new(acceptor),
        }),
    };
    let doors = Doors {
        binary: Door::open(listeners.binary)?,
        http: Door::open(listeners.http)?,
        #[cfg(feature = "tls")]
        tls,
    };
    Ok(Host { broker: Rc::new(RefCell::new(broker)), doors })
}

async fn serve(mut host: Host, mut requests: UnboundedReceiver<Request>) {
    spawn_local(accept(Rc::clone(&host.broker), Rc::clone(&host.doors.binary), Security::Plain));
    spawn_local(http::serve(Rc::clone(&host.broker), Rc::clone(&host.doors.http), Security::Plain));
    #[cfg(feature = "tls")]
    if let Some(TlsDoors { binary, http, acceptor }) = &host.doors.tls {
        let security = || Security::Tls(Rc::clone(acceptor));
        spawn_local(accept(Rc::clone(&host.broker), Rc::clone(binary), security()));
        spawn_local(http::serve(Rc::clone(&host.broker), Rc::clone(http), security()));
    }
    spawn_local(run_timers(Rc::clone(&host.broker)));
    while let Some(request) = requests.recv().await {
        request(&mut host);
    }
}

/// What a door wants of clients.
#[derive(Debug, Clone)]
pub(crate) enum Security {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Rc<Acceptor>),
}

impl Security {
    /// How a client is connected; nothing if it is not let in.
    #[cfg_attr(not(feature = "tls"), allow(clippy::unused_async))]
    pub async fn admit(&self, socket: TcpStream) -> Option<Transport> {
        match self {
            Security::Plain => Some(Transport::Plain(socket)),
            #[cfg(feature = "tls")]
            Security::Tls(acceptor) => Some(Transport::Tls(Box::new(acceptor.accept(socket).await?))),
        }
    }
}

async fn accept(broker: Rc<RefCell<Broker>>, door: Rc<RefCell<Door>>, security: Security) {
    loop {
        let accepted = poll_fn(|cx| door.borrow_mut().poll_accept(cx)).await;
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: others must go first.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it small answers would wait for more; where it fails they do.
        drop(stream.set_nodelay(true));
        let (broker, security) = (Rc::clone(&broker), security.clone());
        spawn_local(async move {
            let Some(transport) = security.admit(stream).await else { return };
            let id = broker.borrow_mut().accept(Connection::new(transport, peer));
            poll_fn(|cx| broker.borrow_mut().poll_connection(id, cx)).await;
        });
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
