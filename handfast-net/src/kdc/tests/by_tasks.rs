use crate::kdc::{KdcAddress, KdcClient, KdcReply, Unreachable};

fn exchange(
    client: &KdcClient,
    kdcs: &[KdcAddress],
    request: &[u8],
    tcp_required: bool,
) -> Result<KdcReply, Unreachable> {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.exchange_async("R", kdcs, request, tcp_required))
}

#[path = "cases.rs"]
#[allow(clippy::duplicate_mod, reason = "the same cases, asked in another way")]
mod cases;
