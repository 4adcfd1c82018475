//! What a program prints, as it is kept: bounded, its beginning and, where it is asked for, its end.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use super::thread_for;

/// What comes out of a pipe, bounded.
pub(super) struct Collected {
    kept: Arc<Mutex<Kept>>,
    ended: mpsc::Receiver<()>,
}

/// Stands where output was dropped that is not the end of it.
pub const CUT: &str = "\n…\n";

/// The beginning of what came and, where it is asked for, its end.
pub(super) struct Kept {
    head: Vec<u8>,
    head_max: usize,
    tail: VecDeque<u8>,
    tail_max: usize,
    dropped: bool,
}

impl Kept {
    pub(super) fn new(max: usize, keep_end: bool) -> Kept {
        let tail_max = if keep_end { max / 2 } else { 0 };
        Kept { head: Vec::new(), head_max: max - tail_max, tail: VecDeque::new(), tail_max, dropped: false }
    }

    fn take(&mut self, chunk: &[u8]) {
        let room = self.head_max.saturating_sub(self.head.len()).min(chunk.len());
        let (head, rest) = chunk.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.tail_max);
        self.tail.drain(..surplus);
        self.dropped |= surplus > 0;
    }

    fn into_bytes(self) -> Vec<u8> {
        let tail = Vec::from(self.tail);
        if !self.dropped || self.tail_max == 0 {
            return [self.head, tail].concat();
        }
        // part of a line says something else than the line, as part of a number does, and part of a password can't be masked
        let is_end = |byte: &u8| *byte == b'\n';
        let head = self.head.get(..self.head.iter().rposition(is_end).unwrap_or(0)).unwrap_or_default();
        let tail = tail.get(tail.iter().position(is_end).map_or(tail.len(), |at| at + 1)..).unwrap_or_default();
        [head, CUT.as_bytes(), tail].concat()
    }
}

impl Collected {
    /// What came until the pipe was closed, or until `deadline`; whether it is not all of it.
    pub(super) fn until(&self, deadline: Instant) -> (Vec<u8>, bool) {
        // closed, or no time left: what is there counts either way
        let _ = self.ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = std::mem::replace(&mut *kept, Kept::new(0, false));
        let is_cut = kept.dropped;
        (kept.into_bytes(), is_cut)
    }
}

pub(super) type Pipe = Box<dyn Read + Send>;

/// With it, where the pipe goes.
pub(super) fn collect(kept: Kept) -> io::Result<(mpsc::Sender<Pipe>, Collected)> {
    let (sender, ended) = mpsc::channel();
    let kept = Arc::new(Mutex::new(kept));
    let keep = kept.clone();
    let give = thread_for(move |mut pipe: Pipe| {
        let mut chunk = [0; 8192];
        while let Ok(n @ 1..) = pipe.read(&mut chunk) {
            keep.lock().unwrap_or_else(PoisonError::into_inner).take(&chunk[..n]);
        }
        let _ = sender.send(());
    })?;
    Ok((give, Collected { kept, ended }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_beginning_is_kept_and_the_end_where_it_is_asked_for() {
        for (keep_end, chunks, expected) in [
            (false, &["abcdef", "ghijkl"][..], "abcdefgh"),
            (true, &["abcdef", "ghijkl"], "\n…\n"),
            (true, &["abcdef", "gh"], "abcdefgh"),
            (true, &["abcdefghijklmnopqrstuvwxyz"], "\n…\n"),
            (true, &["a", "", "b"], "ab"),
            // nothing is left of a line that was cut
            (true, &["1\n23", "456\n7\n8"], "1\n…\n7\n8"),
            (true, &["1\n2\n3\n4\n"], "1\n2\n3\n4\n"),
        ] {
            let mut kept = Kept::new(8, keep_end);
            chunks.iter().for_each(|chunk| kept.take(chunk.as_bytes()));
            assert_eq!(String::from_utf8(kept.into_bytes()).unwrap(), expected, "{chunks:?}");
        }
    }
}
