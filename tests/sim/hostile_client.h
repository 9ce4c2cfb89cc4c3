// Clients that mean harm or mean nothing: garbage, heads without end, broken frames, silence. What
// comes back is not looked at; that others do not suffer is. One thread.
#pragma once

#include "client.h"

namespace livehub::sim {

class HostileClient final : public Client {
 public:
  HostileClient(Scene& scene, std::string name);
  // Who is only mute stays, and must be found out.
  void calm_down() override;
  bool is_settled() const override { return is_gone_ || is_mute_; }
  void check_end() const override;

 private:
  void on_connected() override;
  void on_bytes(std::string) override;
  void on_end(bool) override { is_gone_ = scene_.is_calm; }
  void act_freely() override;
  std::string garbage(size_t bytes_max);

  bool is_upgraded_ = false;
  const bool is_mute_;  // a WebSocket that reads and never answers
};

}  // namespace livehub::sim
