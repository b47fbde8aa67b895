//! A connection whose client does not take its answers is given up.
//!
//! An answer is in memory until the client has taken it. So a client that takes nothing, or next to nothing, may not keep
//! it for ever: an answer that cannot be written on at a certain pace fails, and the connection with it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may take for the next [`PACE_BYTES`] of an answer.
const PACE: Duration = Duration::from_secs(30);
/// A client that takes at least so much in the time of [`PACE`] is waited for.
const PACE_BYTES: usize = 64 * 1024;

/// A connection that gives up on a client that is too slow.
pub(crate) struct Patient<S> {
    stream: S,
    /// Armed while the client is waited for.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes written since the deadline was set.
    written: usize,
}

impl<S> Patient<S> {
    /// Watches a connection.
    pub fn new(stream: S) -> Patient<S> {
        Patient { stream, deadline: None, written: 0 }
    }

    /// Lets an attempt to write pass, unless the client has been waited for too long.
    fn watched(&mut self, context: &mut Context<'_>, attempt: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(outcome) = attempt {
            self.written = self.written.saturating_add(*outcome.as_ref().unwrap_or(&0));
            if self.written >= PACE_BYTES {
                self.rest();
            }
            return Poll::Ready(outcome);
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + PACE)));
        match deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no answer"))),
        }
    }

    /// Nothing is waited for.
    fn rest(&mut self) {
        self.deadline = None;
        self.written = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, attempt)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watched(context, attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything has been written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.rest();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::{PACE, PACE_BYTES, Patient};

    /// What becomes of an answer when the client takes so much at a time, somewhat more often than it has to.
    async fn written(taken: usize) -> Option<ErrorKind> {
        let (server, mut client) = duplex(1_024);
        let answer = vec![b'x'; 4 * PACE_BYTES];
        let client = async move {
            let mut buffer = vec![0; taken];
            loop {
                tokio::time::sleep(PACE * 3 / 4).await;
                if client.read_exact(&mut buffer).await.is_err() {
                    return;
                }
            }
        };
        let server = async move { Patient::new(server).write_all(&answer).await.err().map(|error| error.kind()) };
        tokio::join!(server, client).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_hardly_anything_is_given_up() {
        assert_eq!(written(2 * PACE_BYTES).await, None);
        assert_eq!(written(1_024).await, Some(ErrorKind::TimedOut));
    }
}
