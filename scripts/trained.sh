# To be sourced in scripts/: QuickJS compiled as a profile of itself tells, since most of what an interpreter does is to
# branch. The build makes the profile with a program that does the same each time, so that two builds give one engine.

training=../native/quickjs/training
# Tells engines apart that were made in other ways.
training_sum=$(cat engine.sh trained.sh "$changes"/* "$training/main.c" "$training/training.js" | cksum)
training_sum=${training_sum%% *}

# make_engine SOURCE FILES ARGUMENT... makes FILES in the directory SOURCE, as the ARGUMENTs tell make.
make_engine() {
  make_source=$1
  make_files=$2
  shift 2
  make -s -C "$make_source" -j"$(nproc)" CONFIG_LTO= "$@" $make_files
}

# train SOURCE ARGUMENT... leaves the profile in SOURCE.
train() {
  train_source=$1
  shift
  make_engine "$train_source" libquickjs.a "CFLAGS_OPT=\$(CFLAGS) -O2 -fprofile-generate" "$@" &&
    "$compiler" -static -I "$train_source" -o "$train_source/trainer" "$training/main.c" \
      "$train_source/libquickjs.a" -lm -lgcov &&
    ${emulator:-} "$train_source/trainer" "$training/training.js"
}

# make_trained SOURCE FILES ARGUMENT... does so with $compiler and a profile. $emulator runs programs for another machine.
# Profiles of clang are of another kind: there is none then. Where there can be none, descriptor 3 is told.
make_trained() {
  trained_source=$1
  trained_files=$2
  shift 2
  if ! "$compiler" -v 2>&1 | grep -q '^gcc version'; then
    make_engine "$trained_source" "$trained_files" "$@"
    return
  fi
  trained_flags="CFLAGS_OPT=\$(CFLAGS) -O2 -fprofile-use -Wno-missing-profile"
  if ! train "$trained_source" "$@"; then
    echo 'quickjs: no profile can be made with this compiler; tsrun takes 5 % more CPU time without' >&3
    trained_flags="CFLAGS_OPT=\$(CFLAGS) -O2"
  fi
  rm -f "$trained_source/libquickjs.a" "$trained_source"/.obj/*.o
  make_engine "$trained_source" "$trained_files" "$trained_flags" "$@"
}
