# The parts livehub takes instead of writing (README of each: Debian 12 package of the same name).
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(prometheus REQUIRED prometheus-cpp-core)  # for its version
pkg_check_modules(uring REQUIRED IMPORTED_TARGET liburing>=2.3)
pkg_check_modules(cjose REQUIRED IMPORTED_TARGET cjose)
find_package(CURL REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_library(HIREDIS_LIBRARY NAMES hiredis REQUIRED)
add_library(hiredis UNKNOWN IMPORTED)
set_target_properties(hiredis PROPERTIES IMPORTED_LOCATION ${HIREDIS_LIBRARY})
find_library(NATS_LIBRARY NAMES nats REQUIRED)
add_library(nats UNKNOWN IMPORTED)
set_target_properties(nats PROPERTIES IMPORTED_LOCATION ${NATS_LIBRARY})
find_library(MIMALLOC_LIBRARY NAMES mimalloc REQUIRED)
add_library(mimalloc UNKNOWN IMPORTED)
set_target_properties(mimalloc PROPERTIES IMPORTED_LOCATION ${MIMALLOC_LIBRARY})

# llhttp: a library on newer Debian, C sources under /usr/share/llhttp on Debian 12 (node-llhttp).
find_library(LLHTTP_LIBRARY NAMES llhttp)
find_path(LLHTTP_INCLUDE NAMES llhttp.h)
if(LLHTTP_LIBRARY AND LLHTTP_INCLUDE)
  add_library(llhttp UNKNOWN IMPORTED)
  set_target_properties(llhttp PROPERTIES IMPORTED_LOCATION ${LLHTTP_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${LLHTTP_INCLUDE})
else()
  file(GLOB LLHTTP_SOURCES /usr/share/llhttp/*.c)
  find_path(LLHTTP_INCLUDE_DIR NAMES llhttp.h
            PATHS /usr/share/include/llhttp /usr/share/llhttp NO_DEFAULT_PATH)
  if(NOT LLHTTP_SOURCES OR NOT LLHTTP_INCLUDE_DIR)
    message(FATAL_ERROR "llhttp not found: install node-llhttp (Debian 12) or libllhttp-dev")
  endif()
  add_library(llhttp STATIC ${LLHTTP_SOURCES})
  target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
endif()

# Chart.js for the admin page: libjs-chart.js, embedded at build.
find_file(CHART_JS NAMES chart.min.js Chart.min.js PATHS /usr/share/javascript/chart.js
          NO_DEFAULT_PATH REQUIRED)
