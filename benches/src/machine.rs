//! What the figures depend on.

/// The processor, and which instructions for AES and SHA it has.
pub fn describe() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, model)| model);
    format!("{}, {} of these; {}", model.unwrap_or("unknown processor"), count(), instructions())
}

fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn instructions() -> String {
    let has = |there: bool, name: &str| format!("{} {name}", if there { "with" } else { "without" });
    let aes = has(std::arch::is_x86_feature_detected!("aes"), "AES-NI");
    let vaes = has(std::arch::is_x86_feature_detected!("vaes"), "VAES");
    format!("{aes}, {vaes}, {}", has(std::arch::is_x86_feature_detected!("sha"), "SHA-NI"))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
fn instructions() -> String {
    std::env::consts::ARCH.into()
}
