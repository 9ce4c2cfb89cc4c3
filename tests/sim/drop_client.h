// Clients of the drop profile: of a drop and one of its users, of a queue token, and of the list of
// drops. Each connection is a user (or a token) of its own, so what is meant for another one shows.
// They hold what they are told against what the backend knows: a snapshot comes before the first
// message, unless a call for it failed; what is told grows; and in the end it is what there is.
// One thread.
#pragma once

#include <string>
#include <string_view>

#include "client.h"
#include "drop_backend.h"
#include "stream_parser.h"

namespace livehub::sim {

enum class DropKind : uint8_t { kDrop, kQueue, kList };

class DropClient final : public Client {
 public:
  DropClient(Scene& scene, DropBackend& backend, std::string name, DropKind kind);

  // Open, and it knows what there is to know; what its snapshot's failed calls cost is allowed.
  bool is_settled() const override;
  bool is_open() const { return phase_ == Phase::kOpen; }
  DropKind kind() const { return kind_; }
  // What is only of this client's; empty: nothing is, or it is not connected.
  std::string own_subject() const;
  // Goes, and comes back as this one.
  std::string come_back();
  void leave() override;
  std::string whereabouts() const override;

  uint64_t snapshots() const { return snapshots_; }
  uint64_t messages() const { return messages_; }
  uint64_t lists() const { return lists_; }
  uint64_t lost_bootstraps() const { return lost_bootstraps_; }

 private:
  enum class Phase : uint8_t { kNone, kHead, kOpen, kRefused, kClosing };
  // What it knows of one subject.
  struct Known {
    std::string subject;
    uint64_t version = 0;  // as told last
    uint64_t newest_message = 0;
    bool has_snapshot = false;
  };

  void on_connected() override;
  void on_bytes(std::string bytes) override;
  void on_end(bool is_orderly) override;
  void on_cut() override { forget(); }

  void forget();
  std::string next_who() const { return name_ + "-" + std::to_string(comings_ + 1); }
  void on_head(const ResponseHead& head);
  bool take_event();
  void on_event(const std::string& event, const std::string& data);
  void on_list(const std::string& data);
  void on_snapshot(Known& known, uint64_t version);
  void on_message(Known& known, uint64_t version);
  bool knows(const Known& known) const;
  Known& known_of(const std::string& event) { return known_[event == "user" ? 1 : 0]; }

  DropBackend& backend_;
  const DropKind kind_;
  Phase phase_ = Phase::kNone;
  uint64_t comings_ = 0;
  std::string drop_, who_;
  uint64_t connect_step_ = 0;
  std::string in_, body_;
  ChunkReader chunks_;
  bool has_retry_ = false;
  Known known_[2];
  bool has_list_ = false;
  DropBackend::List list_;
  std::map<std::string, uint64_t> listed_;  // the newest version of each that a list had
  uint64_t snapshots_ = 0, messages_ = 0, lists_ = 0, lost_bootstraps_ = 0;
};

}  // namespace livehub::sim
