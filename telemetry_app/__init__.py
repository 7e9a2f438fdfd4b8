"""The instruments: channels, readings, the store behind them and every way in and out."""
