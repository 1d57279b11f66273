typedef int straddle_placeholder;
