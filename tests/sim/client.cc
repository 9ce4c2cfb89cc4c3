#include "client.h"

#include <algorithm>

namespace livehub::sim {

using io::SimFault;
using io::SimKernel;

bool Client::is_active() const {
  if (!link_) return !is_gone_ && scene_.kernel.now_ns() >= connect_at_ns_;
  if (!out_.empty() && !link_->is_silent) return true;
  return SimKernel::can_read(*link_) || SimKernel::is_at_end(*link_) ||
         SimKernel::is_broken(*link_);
}

void Client::connect_in_ms(int64_t most) {
  const auto wait_ms = static_cast<int64_t>(scene_.random().below(static_cast<uint64_t>(most) + 1));
  connect_at_ns_ = scene_.kernel.now_ns() + wait_ms * 1'000'000;
}

void Client::drop_link() {
  link_.reset();
  out_.clear();
  written_ = 0;
  is_half_closed_ = is_old_ = false;
  connect_in_ms(scene_.is_calm ? 200 : 1000);
}

bool Client::act() {
  if (is_gone_) return false;
  if (!link_) {
    if (scene_.kernel.now_ns() < connect_at_ns_) return false;
    if (scene_.is_ending) return is_gone_ = true;
    link_ = scene_.kernel.connect(down_room_);
    if (!link_) connect_in_ms(500);
    if (link_) {
      ++scene_.connects;
      on_connected();
    }
    return true;
  }
  if (!scene_.is_calm && misbehave()) return true;
  if (!scene_.is_calm && scene_.random().chance(scene_.free_rate)) act_freely();
  if (!link_) return true;
  if (SimKernel::can_read(*link_) && scene_.random().chance(read_rate_)) {
    on_bytes(scene_.kernel.read(*link_, read_bytes()));
    return true;
  }
  if (!out_.empty() && write_some()) return true;
  if (!SimKernel::is_at_end(*link_) && !SimKernel::is_broken(*link_)) return false;
  const bool is_orderly = !SimKernel::is_broken(*link_);
  scene_.kernel.log(is_orderly ? "client sees end" : "client sees reset", link_->id);
  if (!link_->is_client_gone) scene_.kernel.close(*link_);
  on_end(is_orderly);
  drop_link();
  return true;
}

size_t Client::read_bytes() {
  if (scene_.is_calm) return 1 << 20;
  return scene_.random().between(1, read_bytes_max_);
}

bool Client::write_some() {
  if (link_->is_silent) return false;
  size_t bytes = out_.size();
  if (scene_.random().chance(4000)) bytes = scene_.random().between(1, bytes);
  const std::string taken = out_.substr(0, bytes);
  out_.erase(0, bytes);
  written_ += bytes;
  on_written(written_);
  scene_.kernel.write(*link_, taken);
  return true;
}

// True: the link is not what it was.
bool Client::misbehave() {
  if (!scene_.random().chance(scene_.cut_rate)) return false;
  SimKernel& kernel = scene_.kernel;
  const uint64_t what = scene_.random().below(12);
  if (what < 2) {
    kernel.count(SimFault::kNetworkReset);
    kernel.break_up(*link_);
    return true;
  }
  if (what < 5) {
    kernel.count(link_->is_silent ? SimFault::kSilence : SimFault::kSilence);
    kernel.set_silent(*link_, !link_->is_silent);
    return true;
  }
  if (what == 5 && !is_half_closed_) {
    kernel.count(SimFault::kHalfClose);
    is_half_closed_ = true;
    kernel.end(*link_);
    return true;
  }
  if (what < 8) {
    kernel.count(SimFault::kClientReset);
    kernel.reset(*link_);
  } else if (what < 11) {
    kernel.count(SimFault::kClientFin);
    kernel.close(*link_);
  } else {
    kernel.count(SimFault::kVanished);
    kernel.set_silent(*link_, true);
  }
  ++scene_.cuts;
  on_cut();
  drop_link();
  return true;
}

bool Client::must_be_told() const {
  return scene_.is_calm && (!is_old_ || scene_.kernel.now_ns() > scene_.calm_from_ns);
}

void Client::calm_down() {
  is_old_ = link_ != nullptr;
  read_rate_ = 10'000;
  if (!link_) return;
  link_->down_room = down_room_ = std::max<size_t>(link_->down_room, 2048);
  link_->is_full = link_->is_full && link_->down.size() > link_->down_room / 2;
  scene_.kernel.set_silent(*link_, false);
  if (!is_half_closed_) return;
  scene_.kernel.reset(*link_);
  on_cut();
  drop_link();
}

void Client::leave() {
  is_gone_ = true;
  if (!link_) return;
  scene_.kernel.close(*link_);
  on_cut();
  link_.reset();
}

}  // namespace livehub::sim
