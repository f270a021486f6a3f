use crate::kdc::{KdcAddress, KdcClient, KdcReply, Unreachable};

fn exchange(
    client: &KdcClient,
    kdcs: &[KdcAddress],
    request: &[u8],
    tcp_required: bool,
) -> Result<KdcReply, Unreachable> {
    client.exchange("R", kdcs, request, tcp_required)
}

#[path = "cases.rs"]
mod cases;
