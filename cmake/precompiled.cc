// Holds nothing: its target is where the precompiled headers come from (CMakeLists.txt).
