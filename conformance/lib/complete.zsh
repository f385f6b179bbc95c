# What zsh completes: complete.zsh DIRECTORY LINE prints the matches for the end of the line, with the completion functions in
# DIRECTORY. Widgets need a terminal, so an interactive zsh runs in one, which sources this file, too, as INNER says.

if [[ -n $INNER ]]; then
  # Matches are written down instead of shown. Functions that only ask what would match are let through.
  compadd() {
    local -a found
    case " $* " in
      *' -O '* | *' -A '* | *' -D '*) builtin compadd "$@"; return ;;
    esac
    builtin compadd -A found "$@"
    (( $#found )) && print -rl -- $found >>$INNER
    return $(( $#found == 0 ))
  }
  write-down() {
    _main_complete
    : >$INNER.done
  }
  fpath=($COMPLETIONS $fpath)
  autoload -Uz compinit
  compinit -u -D
  zle -C write-down complete-word write-down
  bindkey '^I' write-down
  : >$INNER.ready
  return
fi

(( $# == 2 )) || return 1
zmodload zsh/zpty
out=$(mktemp -d)
await() {
  local i
  for ((i = 0; i < 500; i++)); do
    [[ -e $out/found.$1 ]] && return
    sleep 0.02
  done
  print -u2 "no $1 after 10 seconds"
  exit 1
}
: >$out/found
zpty -b shell env INNER=$out/found COMPLETIONS=$1 zsh -f -i
zpty -w shell "source ${(q)0:A}"
await ready
zpty -w -n shell "$2"$'\t'
await done
cat $out/found
zpty -d shell
rm -r $out
