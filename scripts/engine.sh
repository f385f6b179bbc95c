# To be sourced in scripts/: what is changed in the source of QuickJS.

changes=../native/quickjs/engine
# Tells engines apart that were changed in other ways.
changes_sum=$(cat engine.sh "$changes"/* | cksum)
changes_sum=${changes_sum%% *}

# change_source DIRECTORY
change_source() {
  cp "$changes/inline.h" "$1"
  sed -i -f "$changes/lexical.sed" -f "$changes/inline.sed" "$1/quickjs.c"
}
