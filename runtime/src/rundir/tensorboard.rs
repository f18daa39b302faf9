//! TensorBoard scalars: TFRecord frames (length, masked CRC-32C, payload, masked CRC-32C) around
//! hand-written protobuf `Event` messages.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::appender::Appender;

/// An event file.
pub struct TensorBoard {
    file: Appender,
}

impl TensorBoard {
    pub fn create(dir: &Path, fast: bool) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let name = format!("events.out.tfevents.{}.pbpoc.{}.0", now() as u64, std::process::id());
        let mut board = Self { file: Appender::create(&dir.join(name), fast)? };
        // Event { wall_time = 1, file_version = 3 }
        let mut event = double(1, now());
        event.extend(bytes(3, b"brain.Event:2"));
        board.frame(&event)?;
        Ok(board)
    }

    /// Adds one point of a curve.
    pub fn scalar(&mut self, tag: &str, step: usize, value: f64) -> io::Result<()> {
        // Summary.Value { tag = 1, simple_value = 2 }
        let mut point = bytes(1, tag.as_bytes());
        point.push(2 << 3 | 5);
        point.extend((value as f32).to_le_bytes());
        // Event { wall_time = 1, step = 2, summary = 5 { value = 1 } }
        let mut event = double(1, now());
        event.push(2 << 3);
        event.extend(varint(step as u64));
        event.extend(bytes(5, &bytes(1, &point)));
        self.frame(&event)
    }

    fn frame(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = (payload.len() as u64).to_le_bytes();
        let mut frame = length.to_vec();
        frame.extend(masked_crc(&length).to_le_bytes());
        frame.extend(payload);
        frame.extend(masked_crc(payload).to_le_bytes());
        self.file.write(&frame)
    }

    /// Calls [`Appender::settle`].
    pub fn settle(&mut self) -> io::Result<()> {
        self.file.settle()
    }

    pub fn close(&mut self) -> io::Result<()> {
        self.file.close()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(field: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    out.extend(varint(data.len() as u64));
    out.extend(data);
    out
}

fn double(field: u8, value: f64) -> Vec<u8> {
    let mut out = vec![field << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_follow_the_tfrecord_format() {
        // The CRC of "123456789" is the standard check value of CRC-32C.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8));
        assert_eq!(varint(300), [0xac, 0x02]);
    }
}
