//! What a process has used: CPU time and memory, as the kernel tells it (Linux). It measures no other machine.

use std::fs;
use std::time::Duration;

/// `USER_HZ`: ticks per second in /proc, fixed at 100 by the kernel's interface on every architecture we run on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time a process has used since it started, in user mode and in the kernel. Zero once it is gone.
pub fn cpu_time(process: u32) -> Duration {
    fs::read_to_string(format!("/proc/{process}/stat")).ok().and_then(|text| parse_cpu_time(&text)).unwrap_or_default()
}

/// Memory of a process that is in RAM now, and the most it ever was, in KiB.
pub fn resident_kib(process: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    (field("VmRSS").unwrap_or_default(), field("VmHWM").unwrap_or_default())
}

/// CPU time that everything on this machine has used since it started, all cores together.
pub fn machine_time() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, and after idle and iowait: irq, softirq.
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum();
    Duration::from_millis(busy * 1000 / TICKS_PER_SECOND)
}

/// The three load averages.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Cores, model and memory of this machine, and its kernel.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown model");
    let memory = read("/proc/meminfo");
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} cores ({model}), {} GiB, Linux {}", kib.div_ceil(1024 * 1024), kernel.trim())
}

/// The command may hold spaces and brackets, so fields are counted from the last bracket.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::{Duration, parse_cpu_time, resident_kib};

    #[test]
    fn cpu_time_is_read_past_a_strange_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 1 0 100 1 1";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(1750)));
    }

    #[test]
    fn this_process_has_memory() {
        let (now, most) = resident_kib(std::process::id());
        assert!(now > 0 && most >= now, "{now} {most}");
    }
}
