# Finds nvcc and the headers of CUDA, cuBLAS and cuDNN, compiles the kernels for all architectures into one image
# and embeds it. Sets BITSINK_HAS_CUDA, CUDA_SOURCES, CUDA_INCLUDES. Nothing of CUDA is linked.
set(roots ${BITSINK_CUDA_ROOT} $ENV{CUDA_PATH} $ENV{CUDA_HOME} /usr/local/cuda)
find_program(NVCC nvcc HINTS ${roots} PATH_SUFFIXES bin)
find_path(CUDA_INCLUDE cuda.h HINTS ${roots} PATH_SUFFIXES include)
find_path(CUBLAS_INCLUDE cublasLt.h HINTS ${roots} PATH_SUFFIXES include)
find_path(CUDNN_INCLUDE cudnn.h HINTS ${roots} PATH_SUFFIXES include)
find_program(NVCC_HOST NAMES g++ clang++ DOC "C++ compiler that nvcc preprocesses with")

set(missing)
foreach(piece NVCC CUDA_INCLUDE CUBLAS_INCLUDE CUDNN_INCLUDE NVCC_HOST)
  if(NOT ${piece})
    list(APPEND missing ${piece})
  endif()
endforeach()
if(missing)
  if(BITSINK_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CUDA is asked for, but not found: ${missing}. Install the toolkit and cuDNN, or run "
                        "scripts/fetch_cuda.sh and use the option it prints.")
  endif()
  message(STATUS "CUDA: not found (${missing}), building for the CPU only")
  return()
endif()
message(STATUS "CUDA: ${NVCC}, architectures ${BITSINK_CUDA_ARCHITECTURES}")

set(generate)
foreach(arch ${BITSINK_CUDA_ARCHITECTURES})
  list(APPEND generate -gencode arch=compute_${arch},code=sm_${arch})
endforeach()
# And what the driver can compile for whatever comes later.
list(GET BITSINK_CUDA_ARCHITECTURES -1 newest)
list(APPEND generate -gencode arch=compute_${newest},code=compute_${newest})

file(GLOB KERNEL_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.cu)
file(GLOB KERNEL_HEADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.h)
set(includes)
foreach(file ${KERNEL_FILES})
  string(APPEND includes "#include \"${file}\"\n")
endforeach()
file(CONFIGURE OUTPUT ${GEN}/kernels.cu CONTENT "${includes}" @ONLY)
# No fused multiply-add but where the source says fmaf: CPU and GPU shall agree.
add_custom_command(
  OUTPUT ${GEN}/kernels.fatbin
  COMMAND ${NVCC} -ccbin ${NVCC_HOST} --fmad=false ${generate} -I${CMAKE_SOURCE_DIR}/kernels -I${RANDOM123_INCLUDE}
          -fatbin -o ${GEN}/kernels.fatbin ${GEN}/kernels.cu
  DEPENDS ${GEN}/kernels.cu ${KERNEL_FILES} ${KERNEL_HEADERS}
  COMMENT "Compiling kernels for ${BITSINK_CUDA_ARCHITECTURES}")
file(CONFIGURE OUTPUT ${GEN}/kernel_image.c @ONLY CONTENT
"/* The compiled kernels, as bytes. */
__asm__(\".section .rodata\\n\"
        \".global bs_cuda_kernel_image\\n\"
        \".balign 64\\n\"
        \"bs_cuda_kernel_image:\\n\"
        \".incbin \\\"${GEN}/kernels.fatbin\\\"\\n\"
        \".previous\\n\");
typedef int bs_not_empty;
")
set_source_files_properties(${GEN}/kernel_image.c PROPERTIES OBJECT_DEPENDS ${GEN}/kernels.fatbin)

file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cuda/*.c)
list(APPEND CUDA_SOURCES ${GEN}/kernel_image.c)
# Where the libraries are in a folder of their own, they are found there at run time, too; not by what is built to be
# taken elsewhere.
if(BITSINK_CUDA_ROOT AND NOT CMAKE_BUILD_WITH_INSTALL_RPATH)
  list(APPEND CMAKE_BUILD_RPATH ${BITSINK_CUDA_ROOT}/lib)
  list(APPEND CMAKE_INSTALL_RPATH ${BITSINK_CUDA_ROOT}/lib)
endif()
set(CUDA_INCLUDES ${CUDA_INCLUDE} ${CUBLAS_INCLUDE} ${CUDNN_INCLUDE})
list(REMOVE_DUPLICATES CUDA_INCLUDES)
set(BITSINK_HAS_CUDA ON)
