# cmake -DOUTPUT=x.cc -DFILES="name=path;…" -P embed.cmake: writes the files as bytes into a source
# for src/server/admin_page.h, each with the beginning of its SHA-256 as an entity tag.
set(arrays "")
set(rows "")
set(index 0)
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" unused "${entry}")
  set(name "${CMAKE_MATCH_1}")
  set(path "${CMAKE_MATCH_2}")
  file(READ "${path}" hex HEX)
  file(SHA256 "${path}" digest)
  string(SUBSTRING "${digest}" 0 16 tag)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND arrays "constexpr unsigned char kFile${index}[] = {\n${hex}};\n")
  string(APPEND rows
         "    {\"${name}\", {reinterpret_cast<const char*>(kFile${index}), sizeof(kFile${index})},\n"
         "     \"\\\"${tag}\\\"\"},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed.cmake.
#include \"server/admin_page.h\"

namespace livehub::server {
namespace {
${arrays}}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile files[] = {
${rows}  };
  return files;
}

}  // namespace livehub::server
")
