#include "tool/machine_load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace livehub::tool {
namespace {

class Proc {
 public:
  Proc() {
    std::string name = testing::TempDir() + "livehub-proc-XXXXXX";
    path_ = ::mkdtemp(name.data());
    std::filesystem::create_directories(path_ + "/net");
    std::filesystem::create_directories(path_ + "/pressure");
  }
  ~Proc() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path_ + "/" + name) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(MachineLoad, ReadsTheKernelsFiles) {
  Proc proc;
  proc.write("stat",
             "cpu  10 1 4 80 5 2 1 0 0 0\ncpu0 1 2 3\nctxt 777\nprocesses 50\n"
             "procs_running 3\n");
  proc.write("meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n");
  proc.write("net/dev",
             "Inter-|   Receive\n face |bytes\n    lo: 9 0 0 0 0 0 0 0 9 0\n"
             "  eth0: 100 1 0 0 0 0 0 0 20 0\n");
  proc.write("diskstats",
             " 8 0 sda 1 0 10 0 1 0 20 0\n 8 1 sda1 1 0 10 0 1 0 20 0\n"
             " 259 0 nvme0n1 1 0 1 0 1 0 1 0\n 259 1 nvme0n1p1 1 0 1 0 1 0 1 0\n");
  proc.write("loadavg", "0.50 0.4 0.3 2/345 999\n");
  proc.write("pressure/cpu", "some avg10=1.0 avg60=1.0 avg300=1.0 total=4000\n");
  const LoadSample sample = read_load(proc.path());
  EXPECT_EQ(sample.cpu_user, 11U);
  EXPECT_EQ(sample.cpu_interrupts, 3U);
  EXPECT_EQ(sample.switches, 777U);
  EXPECT_EQ(sample.forks, 50U);
  EXPECT_DOUBLE_EQ(sample.memory_used_share, 0.75);
  EXPECT_EQ(sample.network_bytes, 120U);
  EXPECT_EQ(sample.disk_bytes, 32U * 512);
  EXPECT_EQ(sample.threads, 345U);
  EXPECT_DOUBLE_EQ(sample.load_1, 0.5);
  EXPECT_EQ(sample.pressure_us_total, 4000U);
}

TEST(MachineLoad, APointIsWhatADashboardReads) {
  LoadSample before;
  LoadSample now;
  now.cpu_user = 30;
  now.cpu_system = 20;
  now.cpu_idle = 50;
  now.forks = 8;
  now.switches = 4000;
  now.network_bytes = 4000;
  now.disk_bytes = 8000;
  now.memory_used_share = 0.25;
  now.threads = 100;
  now.pressure_us_total = 2000;
  const auto point = nlohmann::json::parse(load_point(before, now, 2, 1'700'000'000'123));
  EXPECT_EQ(point["ts"], 1'700'000'000'123);
  EXPECT_EQ(point["activeUsers"], 100);
  EXPECT_EQ(point["signups"], 4);
  EXPECT_EQ(point["conversions"], 2000);
  EXPECT_EQ(point["revenue"], 2);
  EXPECT_EQ(point["latencyP95"], 1);
  EXPECT_EQ(point["errorRate"], 0.25);
  EXPECT_EQ(point["channels"]["Organic"], 0.3);
  EXPECT_EQ(point["channels"]["Partners"], 0.5);
  EXPECT_EQ(point["cpuPercent"], 50);
  EXPECT_EQ(point["networkKBps"], 2);
  EXPECT_EQ(point["diskKBps"], 4);
}

TEST(MachineLoad, CountersThatWentBackCountAsNothing) {
  LoadSample before;
  before.forks = 100;
  before.cpu_user = 100;
  const auto point = nlohmann::json::parse(load_point(before, {}, 1, 0));
  EXPECT_EQ(point["signups"], 0);
  EXPECT_EQ(point["cpuPercent"], 0);
}

TEST(MachineLoad, AMachineWithoutThoseFilesIsNoMistake) {
  EXPECT_EQ(read_load("/nowhere").cpu_user, 0U);
}

}  // namespace
}  // namespace livehub::tool
